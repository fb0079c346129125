"""Writes a PNG of every page: screenshots.py FOLDER. Desktop and phone, English and Chinese, light and dark."""
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from console import ADMIN_EMAIL, ADMIN_PASSWORD, DESKTOP, PHONE, URL, launch

PUBLIC = {"sign-in": "/login", "register": "/register", "docs": "/docs", "events": "/docs/events"}
PAGES = {
    "products": "/products",
    "products-filtered": "/products?search=ch&in_stock=true&ordering=-price",
    "products-nothing": "/products?search=nothing-has-this-name",
    "products-error": "/products?price__gte=abc",
    "users": "/users",
    "profile": "/profile",
    "not-found": "/no-such-page",
}


def shoot(page, folder, name, path):
    page.goto(URL + path)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=folder / f"{name}.png", animations="disabled")


def shoot_dialogs(page, folder):
    for name in ("products", "users"):
        page.goto(f"{URL}/{name}")
        page.wait_for_load_state("networkidle")
        page.locator(".m-page-header .q-btn").click()
        dialog = page.get_by_role("dialog")
        dialog.locator("button[type=submit]").click()
        dialog.get_by_role("alert").first.wait_for()
        page.screenshot(path=folder / f"{name}-dialog.png", animations="disabled")
    page.goto(f"{URL}/products")
    page.locator(".m-row-actions .q-btn:last-child").first.click()
    page.get_by_role("dialog").wait_for()
    page.screenshot(path=folder / "products-delete.png", animations="disabled")


def main(target):
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for width, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            for language in ("en", "zh-CN"):
                for theme in ("light", "dark"):
                    folder = target / f"{width}-{language}-{theme}"
                    folder.mkdir(parents=True, exist_ok=True)
                    context = browser.new_context(viewport=viewport, locale=language, color_scheme=theme)
                    page = context.new_page()
                    for name, path in PUBLIC.items():
                        shoot(page, folder, name, path)
                    page.goto(f"{URL}/login")
                    page.locator("input[name=username]").fill(ADMIN_EMAIL)
                    page.locator("input[name=password]").fill(ADMIN_PASSWORD)
                    page.locator("button[type=submit]").click()
                    page.wait_for_url("**/products")
                    for name, path in PAGES.items():
                        shoot(page, folder, name, path)
                    shoot_dialogs(page, folder)
                    context.close()
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: screenshots.py FOLDER")
    main(Path(sys.argv[1]))
