"""Checks for every page: language, appearance, phone width, keyboard, and no messages in the browser console."""
import re

import pytest
from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, PHONE, URL, sign_in

ENTRY = ["/login", "/register"]
PAGES = ["/products", "/users", "/profile", "/no-such-page"]


def watch(page):
    """Collects the browser's errors. Policy violations are among its console errors."""
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    return complaints


def visit(page, path):
    page.goto(URL + path)
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_load_state("networkidle")


def choose(page, menu, choice):
    page.get_by_role("button", name=menu).click()
    page.get_by_role("menuitemradio", name=choice).click()


def overflows(page):
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_no_page_makes_the_browser_complain(page):
    complaints = watch(page)
    for path in ENTRY:
        visit(page, path)
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    for path in PAGES:
        visit(page, path)
    page.goto(f"{URL}/products")
    page.get_by_role("button", name="New product").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert complaints == []


def test_api_reference_renders(page):
    complaints = watch(page)
    page.goto(f"{URL}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.get_by_text("/api/products", exact=True).first).to_be_visible()
    assert complaints == []


def test_event_reference_renders(page):
    complaints = watch(page)
    page.goto(f"{URL}/docs")
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.get_by_role("heading", name="Catalog", exact=True)).to_be_visible()
    event = page.locator("[id='catalog.stock_changed']")
    expect(event.get_by_role("heading")).to_contain_text("Stock changed")
    expect(event.get_by_role("heading")).to_contain_text("version 1")
    row = event.get_by_role("row").filter(has=page.get_by_text("stock", exact=True))
    expect(row).to_contain_text("integer (int64)")
    expect(row).to_contain_text("The number of units in stock, after the change.")
    optional = page.locator("[id='catalog.product_changed']").get_by_role("row").filter(has=page.get_by_text("sku"))
    expect(optional).to_contain_text("optional")
    expect(page.get_by_role("table", name="Attributes of every event")).to_contain_text("traceparent")
    page.get_by_role("link", name="Requests").click()
    expect(page.locator(".opblock").first).to_be_visible()
    assert complaints == []


def test_event_reference_fits_phones_and_links(new_context):
    page = new_context(viewport=PHONE).new_page()
    page.goto(f"{URL}/docs/events#catalog.stock_changed")
    event = page.locator("[id='catalog.stock_changed']")
    expect(event).to_be_in_viewport()
    assert not overflows(page)
    # The cells of a row are one below the other.
    cells = [event.locator("tbody tr").first.locator("th, td").nth(index).bounding_box() for index in range(3)]
    assert cells[0]["y"] < cells[1]["y"] < cells[2]["y"]


def test_event_reference_says_that_the_document_cannot_be_read(page):
    page.route("**/asyncapi.json", lambda route: route.fulfill(status=503))
    page.goto(f"{URL}/docs/events")
    expect(page.get_by_role("alert")).to_have_text("/asyncapi.json cannot be read: status 503. Reload the page.")


@pytest.mark.parametrize("path", ["/docs", "/docs/events"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_api_reference_follows_the_consoles_appearance(new_context, system, path):
    page = new_context(color_scheme=system).new_page()
    dark = re.compile("dark-mode")
    for choice, is_dark in ((None, system == "dark"), ("light", False), ("dark", True)):
        page.goto(URL + path)
        if choice:
            page.evaluate("choice => localStorage.setItem('martlet.theme', choice)", choice)
            page.reload()
        html = page.locator("html")
        expect(html).to_have_class(dark) if is_dark else expect(html).not_to_have_class(dark)


def test_chinese_is_chosen_remembered_and_complete(admin):
    choose(admin, "Language", "简体中文")
    expect(admin.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(admin).to_have_title("商品 · Martlet")
    admin.reload()
    expect(admin.get_by_role("button", name="新建商品")).to_be_visible()
    expect(admin.get_by_role("columnheader", name="价格")).to_be_visible()
    expect(admin.locator(".q-table__bottom")).to_contain_text("每页行数")
    expect(admin.locator(".q-table__bottom")).to_contain_text(re.compile(r"第 1–\d+ 条，共 [\d,]+ 条"))
    admin.get_by_role("button", name="新建商品").click()
    admin.get_by_role("dialog").get_by_role("button", name="新建").click()
    expect(admin.get_by_role("dialog")).to_contain_text("此项不能为空。")
    admin.get_by_role("dialog").get_by_role("button", name="取消").click()
    choose(admin, "语言", "English")
    expect(admin).to_have_title("Products · Martlet")


def test_language_follows_the_browser(new_context):
    page = new_context(locale="zh-CN").new_page()
    visit(page, "/login")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_each_page_has_its_title(admin):
    titles = {"/products": "Products", "/users": "Users", "/profile": "Your profile", "/no-such-page": "Page not found"}
    for path, title in titles.items():
        visit(admin, path)
        expect(admin).to_have_title(f"{title} · Martlet")
        expect(admin.locator("h1")).to_have_text(title)


def test_dark_appearance_is_chosen_and_remembered(admin):
    choose(admin, "Appearance", "Dark")
    expect(admin.locator("body")).to_have_class(re.compile("body--dark"))
    admin.reload()
    expect(admin.locator("body")).to_have_class(re.compile("body--dark"))
    choose(admin, "Appearance", "Light")
    expect(admin.locator("body")).to_have_class(re.compile("body--light"))


def test_appearance_follows_the_system(new_context):
    page = new_context(color_scheme="dark").new_page()
    visit(page, "/login")
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).to_have_class(re.compile("body--light"))


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_phone_width_never_scrolls_sideways(new_context, locale):
    page = new_context(viewport=PHONE, locale=locale).new_page()
    for path in ENTRY:
        visit(page, path)
        assert not overflows(page), path
    page.goto(f"{URL}/login")
    page.locator("input[name=username]").fill(ADMIN_EMAIL)
    page.locator("input[name=password]").fill(ADMIN_PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page).to_have_url(f"{URL}/products")
    for path in PAGES:
        visit(page, path)
        assert not overflows(page), path
    for path in ("/products", "/users"):
        visit(page, path)
        page.locator(".m-page-header .q-btn").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("form")).to_be_visible()
        expect(dialog.locator("form")).to_have_css("width", f"{PHONE['width']}px")
        assert not overflows(page), f"dialog of {path}"


def test_phone_shows_cards_and_a_drawer(new_context):
    page = new_context(viewport=PHONE).new_page()
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(page.locator(".m-row-card").first).to_be_visible()
    expect(page.get_by_role("table")).to_be_hidden()
    page.get_by_label("Sort by").click()
    page.get_by_role("option", name="Price, descending").click()
    expect(page).to_have_url(re.compile("ordering=-price"))
    expect(page.get_by_role("link", name="Users")).not_to_be_in_viewport()
    page.get_by_role("button", name="Open navigation").click()
    page.get_by_role("link", name="Users").click()
    expect(page.get_by_role("heading", name="Users", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Products")).not_to_be_in_viewport()


def test_everything_on_the_products_page_is_reached_by_keyboard(admin):
    # Start at the top of the page: after sign-in the focus is on the heading.
    admin.reload()
    expect(admin.locator("tbody tr").first).to_be_visible()
    reached = set()
    for _ in range(30):
        admin.keyboard.press("Tab")
        name, outlined = admin.evaluate(
            """() => {
                const element = document.activeElement;
                // Fields draw their own ring.
                const outlined = element.matches("input") || getComputedStyle(element).outlineStyle === "solid";
                return [(element.ariaLabel || element.innerText || "").trim(), outlined];
            }"""
        )
        assert outlined, f"focus is not visible on {name}"
        reached.add(name)
    for name in ("Skip to content", "Language", "Appearance", "Account menu", "Price"):
        assert name in reached, f"{name} is not among {reached}"
    assert any("New product" in name for name in reached)
    assert any(name.startswith("Edit ") for name in reached)


def test_buttons_and_inputs_have_names(admin):
    for path in PAGES:
        visit(admin, path)
        nameless = admin.evaluate(
            """() => [...document.querySelectorAll("button, a[href], input, textarea, [role=button], [role=combobox]")]
                .filter((element) => element.checkVisibility())
                .filter((element) => !element.getAttribute("aria-label") && !element.innerText.trim()
                    && !element.closest("label")?.innerText.trim() && !element.title)
                .map((element) => element.outerHTML.slice(0, 200))"""
        )
        assert nameless == [], path
