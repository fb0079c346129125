"""The states of lists, and content that does not fit."""
import re

import pytest
from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, PHONE, URL, sign_in, unique


def rows(page):
    return page.locator("tbody tr")


def field(page, label):
    return page.locator(".q-field", has=page.get_by_label(label, exact=True))


@pytest.fixture(scope="module")
def shelf(api):
    category = unique("Slow")
    for index in range(25):
        api.create_product(name=f"{category} {index:02}", category=category)
    return category


def test_paging_on_a_slow_connection_shows_progress(admin, shelf):
    admin.goto(f"{URL}/products?category={shelf}&ordering=name")
    expect(admin.get_by_text("1–20 of 25")).to_be_visible()
    held = []
    admin.route("**/api/products?*", lambda route: held.append(route))
    admin.get_by_role("button", name="Next page").click()
    expect(admin.locator(".m-list")).to_have_attribute("aria-busy", "true")
    expect(admin.get_by_role("button", name="Next page").locator(".q-spinner")).to_be_visible()
    expect(admin.get_by_role("button", name="Last page")).to_be_disabled()
    expect(admin.locator(".m-list .q-linear-progress")).to_be_visible()
    # The rows and the range are still those of the first page.
    expect(admin.get_by_text("1–20 of 25")).to_be_visible()
    held.pop().continue_()
    expect(admin.get_by_text("21–25 of 25")).to_be_visible()
    expect(admin.locator(".m-list")).to_have_attribute("aria-busy", "false")
    expect(admin.get_by_role("button", name="Previous page")).to_be_enabled()


def test_next_page_on_a_phone_starts_at_the_top(new_context, shelf):
    page = new_context(viewport=PHONE).new_page()
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    page.goto(f"{URL}/products?category={shelf}&ordering=name&page_size=20")
    page.get_by_role("button", name="Next page").click()
    expect(page.locator(".m-row-card").first).to_contain_text(f"{shelf} 20")
    expect(page.locator(".m-row-card").first).to_be_in_viewport()


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("en", {"USD": "$10.00", "CAD": "CA$10.00", "JPY": "¥10", "CNY": "CN¥10.00", "CHF": "CHF 10.00"}),
        ("zh-CN", {"USD": "US$10.00", "CAD": "CA$10.00", "JPY": "JP¥10", "CNY": "¥10.00", "CHF": "CHF 10.00"}),
    ],
)
def test_currencies_sharing_a_sign_are_distinguishable(api, new_context, locale, shown):
    category = unique("Currency")
    for currency in shown:
        api.create_product(name=currency, category=category, currency=currency)
    api.create_product(name="Half a yen", category=category, currency="JPY", price="10.50")
    page = new_context(locale=locale).new_page()
    page.goto(f"{URL}/products?category={category}")
    page.locator("input[name=username]").fill(ADMIN_EMAIL)
    page.locator("input[name=password]").fill(ADMIN_PASSWORD)
    page.locator("button[type=submit]").click()
    for currency, price in shown.items():
        row = rows(page).filter(has_text=re.compile(f"^{currency}"))
        expect(row.locator("td").nth(3)).to_have_text(price.replace("CHF ", "CHF\u00a0"))
    expect(rows(page).filter(has_text="Half a yen").locator("td").nth(3)).to_contain_text("10.50")


@pytest.mark.parametrize("viewport", [None, PHONE])
def test_long_names_are_truncated_and_shown_on_hover(api, new_context, viewport):
    name = unique("Long") + "-name" * 30
    category = unique("Category") + "-of-things" * 6
    api.create_product(name=name, category=category)
    page = new_context(**({"viewport": viewport} if viewport else {})).new_page()
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD, path=f"/products?category={category}")
    shown = page.get_by_title(name)
    expect(shown).to_be_visible()
    assert shown.evaluate("e => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight")
    assert shown.bounding_box()["width"] < 400
    if viewport is None:
        expect(page.get_by_title(category)).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_bad_filter_keeps_the_table(admin):
    expect(rows(admin)).to_have_count(20)
    admin.get_by_label("Price from").fill("cheap")
    expect(field(admin, "Price from")).to_contain_text("Enter a number.")
    expect(rows(admin)).to_have_count(20)
    expect(admin.locator(".m-list").get_by_role("alert")).to_contain_text("Correct the marked filter.")
    admin.get_by_label("Price from").fill("1")
    expect(admin.get_by_text("Correct the marked filter.")).to_be_hidden()
    expect(rows(admin)).to_have_count(20)


def test_bad_filter_in_the_address_is_shown_at_its_filter(admin):
    for path, label, message in [
        ("/products?in_stock=perhaps", "Availability", "Choose yes or no."),
        ("/products?price__lte=x", "Price to", "Enter a number."),
        (f"/products?search={'x' * 201}", "Search", "Use at most"),
        ("/users?is_staff=perhaps", "Staff", "Choose yes or no."),
    ]:
        admin.goto(URL + path)
        expect(field(admin, label)).to_contain_text(message)
        admin.get_by_role("button", name="Clear filters").click()
        expect(rows(admin).first).to_be_visible()


def test_bad_order_or_page_in_the_address_offers_a_reset(admin):
    for bad in ["ordering=nonsense", "page_size=100000", "page=-1.5&page_size=-3"]:
        admin.goto(f"{URL}/products?search=Sample&{bad}")
        expect(admin.get_by_role("alert")).to_be_visible()
        admin.get_by_role("button", name="Reset sorting and paging").click()
        expect(rows(admin).first).to_be_visible()
        expect(admin).to_have_url(f"{URL}/products?search=Sample")


def test_new_row_is_visible_under_any_filter(admin, shelf):
    name = unique("Just made")
    admin.goto(f"{URL}/products?category={shelf}&ordering=name&page=2")
    expect(rows(admin)).to_have_count(5)
    admin.get_by_role("button", name="New product").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Price").fill("1")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    expect(rows(admin).first).to_contain_text(name)
    expect(rows(admin).first).to_have_class(re.compile("m-revealed"))
    expect(rows(admin).first).to_be_in_viewport()
    # Only as long as the list does not change.
    admin.get_by_role("button", name="Previous page").click()
    expect(admin.get_by_text("1–20 of 25")).to_be_visible()
    expect(rows(admin).filter(has_text=name)).to_have_count(0)


def test_focus_goes_to_the_next_row_after_a_deletion(admin, api):
    category = unique("Focus")
    for letter in "ABC":
        api.create_product(name=letter, category=category)
    admin.goto(f"{URL}/products?category={category}&ordering=name")

    def delete(name):
        admin.get_by_role("button", name=f"Delete {name}", exact=True).press("Enter")
        dialog = admin.get_by_role("dialog", name="Delete this product?")
        dialog.get_by_role("button", name="Delete").press("Enter")
        expect(dialog).to_be_hidden()

    delete("B")
    expect(admin.get_by_role("button", name="Delete C", exact=True)).to_be_focused()
    delete("C")
    expect(admin.get_by_role("button", name="Delete A", exact=True)).to_be_focused()
    delete("A")
    expect(admin.get_by_role("heading", name="Products")).to_be_focused()
