import re

import pytest
from playwright.sync_api import expect

from console import URL, unique


@pytest.fixture(scope="module")
def shelf(api):
    """Twenty-five products in their own category, independent of other data."""
    category = unique("Category")
    for index in range(25):
        api.create_product(name=f"{category} item {index:02}", price=f"{index}.50", category=category, stock=index % 5)
    return category


def rows(page):
    return page.locator("tbody tr")


def field(page, label):
    """The box of an input, which also holds its error message."""
    return page.locator(".q-field", has=page.get_by_label(label, exact=True))


def names(page):
    return [name.strip() for name in rows(page).locator("td:first-child").all_inner_texts()]


def test_search_is_in_the_address_and_survives_a_reload(admin, shelf):
    admin.get_by_role("searchbox").fill(f"{shelf} item 07")
    expect(rows(admin)).to_have_count(1)
    expect(admin).to_have_url(re.compile("search=.*07"))
    admin.reload()
    expect(rows(admin)).to_have_count(1)
    expect(admin.get_by_role("searchbox")).to_have_value(f"{shelf} item 07")
    admin.go_back()
    expect(admin.get_by_role("searchbox")).to_have_value("")
    expect(rows(admin)).to_have_count(20)


def test_filters_combine(admin, shelf):
    admin.get_by_label("Category", exact=True).fill(shelf)
    admin.get_by_role("option", name=shelf).click()
    expect(admin.get_by_text("1–20 of 25")).to_be_visible()
    admin.get_by_label("Price from").fill("10")
    admin.get_by_label("Price to").fill("20")
    expect(admin.get_by_text("1–10 of 10")).to_be_visible()
    admin.get_by_label("Availability").click()
    admin.get_by_role("option", name="Out of stock").click()
    expect(admin.get_by_text("1–2 of 2")).to_be_visible()
    expect(admin).to_have_url(re.compile("in_stock=false"))
    admin.get_by_role("button", name="Clear filters").click()
    expect(admin).to_have_url(f"{URL}/products")


def test_sorts_by_keyboard_and_mouse(admin, shelf):
    admin.goto(f"{URL}/products?category={shelf}")
    expect(rows(admin)).to_have_count(20)
    admin.get_by_role("button", name="Price", exact=True).press("Enter")
    expect(admin.get_by_role("columnheader", name="Price")).to_have_attribute("aria-sort", "ascending")
    expect(rows(admin).first).to_contain_text("item 00")
    admin.get_by_role("columnheader", name="Price").click()
    expect(admin.get_by_role("columnheader", name="Price")).to_have_attribute("aria-sort", "descending")
    expect(rows(admin).first).to_contain_text("item 24")
    expect(admin).to_have_url(re.compile("ordering=-price"))


def test_pages(admin, shelf):
    admin.goto(f"{URL}/products?category={shelf}&ordering=name")
    expect(rows(admin)).to_have_count(20)
    admin.get_by_role("button", name="Next page").click()
    expect(rows(admin)).to_have_count(5)
    expect(admin.get_by_text("21–25 of 25")).to_be_visible()
    assert names(admin) == [f"{shelf} item {index}" for index in range(20, 25)]
    admin.go_back()
    expect(rows(admin)).to_have_count(20)
    admin.get_by_role("combobox", name="Rows per page").click()
    admin.get_by_role("option", name="10", exact=True).click()
    expect(rows(admin)).to_have_count(10)
    expect(admin).to_have_url(re.compile("page_size=10"))


def test_page_past_the_end_shows_the_last_page(admin, shelf):
    admin.goto(f"{URL}/products?category={shelf}&page=9")
    expect(rows(admin)).to_have_count(5)
    expect(admin).to_have_url(re.compile("page=2"))


def test_nothing_found_offers_to_clear_the_filters(admin):
    admin.goto(f"{URL}/products?search={unique('nothing')}")
    expect(admin.get_by_text("Nothing matches these filters")).to_be_visible()
    admin.locator(".m-notice").get_by_role("button", name="Clear filters").click()
    expect(rows(admin).first).to_be_visible()


def test_bad_filter_is_marked(admin):
    admin.get_by_label("Price from").fill("cheap")
    expect(field(admin, "Price from")).to_contain_text("Enter a number.")
    admin.get_by_label("Price from").fill("1")
    expect(rows(admin).first).to_be_visible()


def test_failed_load_shows_the_request_id_and_can_be_retried(admin):
    problem = '{"title":"Service Unavailable","status":503,"code":"unavailable","request_id":"request-4711"}'
    answer = {"status": 503, "content_type": "application/problem+json", "body": problem}
    admin.route("**/api/products?*", lambda route: route.fulfill(**answer))
    admin.reload()
    expect(admin.get_by_role("alert")).to_contain_text("request-4711")
    admin.unroute("**/api/products?*")
    admin.get_by_role("button", name="Try again").click()
    expect(rows(admin).first).to_be_visible()


def test_creates_after_correcting_the_fields_that_the_api_names(admin, api):
    taken = api.create_product(sku=unique("SKU"))
    name = unique("Created")
    admin.get_by_role("button", name="New product").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Price").fill("1.234")
    dialog.get_by_label("Stock").fill("-1")
    dialog.get_by_label("Currency").fill("DOLLAR")
    dialog.get_by_role("button", name="Create").click()
    expect(field(admin, "Name")).to_contain_text("This field cannot be empty.")
    expect(field(admin, "Price")).to_contain_text("Use at most 2 decimal places.")
    expect(field(admin, "Stock")).to_contain_text("Must be at least 0.")
    expect(field(admin, "Currency")).to_contain_text("three-letter currency code")

    dialog.get_by_label("Name").fill(name)
    expect(field(admin, "Name")).not_to_contain_text("cannot be empty")
    dialog.get_by_label("Price").fill("1.23")
    dialog.get_by_label("Stock").fill("7")
    dialog.get_by_label("Currency").fill("EUR")
    dialog.get_by_label("SKU").fill(taken["sku"])
    dialog.get_by_role("button", name="Create").click()
    expect(field(admin, "SKU")).to_contain_text("This is already in use.")

    dialog.get_by_label("SKU").fill(unique("SKU"))
    dialog.get_by_role("button", name="Create").click()
    expect(admin.get_by_text(f"“{name}” was created.")).to_be_visible()
    expect(dialog).to_be_hidden()
    found = api.call("GET", f"/api/products?search={name}")["items"]
    assert [(item["price"], item["currency"], item["stock"]) for item in found] == [(1.23, "EUR", 7)]


def test_price_is_required(admin):
    admin.get_by_role("button", name="New product").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill(unique("No price"))
    dialog.get_by_role("button", name="Create").click()
    expect(field(admin, "Price")).to_contain_text("This field is required.")


def test_escape_closes_the_dialog_and_returns_the_focus(admin):
    opener = admin.get_by_role("button", name="New product")
    opener.press("Enter")
    expect(admin.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    admin.keyboard.press("Escape")
    expect(admin.get_by_role("dialog")).to_be_hidden()
    expect(opener).to_be_focused()


def test_edits(admin, api):
    product = api.create_product()
    admin.goto(f"{URL}/products?search={product['name']}")
    admin.get_by_role("button", name=f"Edit {product['name']}").click()
    dialog = admin.get_by_role("dialog")
    expect(dialog.get_by_label("Price")).to_have_value("10.00")
    dialog.get_by_label("Price").fill("12.50")
    dialog.get_by_label("Category").fill("Typed category")
    with admin.expect_request(lambda request: request.method == "PATCH") as change:
        dialog.get_by_role("button", name="Save").click()
    assert change.value.headers["if-match"]
    expect(rows(admin).first).to_contain_text("$12.50")
    expect(rows(admin).first).to_contain_text("Typed category")


def test_conflicting_edit_asks_to_reload(admin, api):
    product = api.create_product()
    admin.goto(f"{URL}/products?search={product['name']}")
    admin.get_by_role("button", name=f"Edit {product['name']}").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Price").fill("12.50")
    api.call("PATCH", f"/api/products/{product['id']}", {"stock": 99})
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("Someone else has changed this")
    dialog.get_by_role("button", name="Reload").click()
    expect(dialog.get_by_label("Stock")).to_have_value("99")
    dialog.get_by_label("Price").fill("12.50")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    assert api.call("GET", f"/api/products/{product['id']}")["price"] == 12.5


def test_deletes_after_confirmation(admin, api):
    product = api.create_product()
    admin.goto(f"{URL}/products?search={product['name']}")
    delete = admin.get_by_role("button", name=f"Delete {product['name']}")
    delete.click()
    admin.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(admin.get_by_role("dialog")).to_be_hidden()
    expect(rows(admin)).to_have_count(1)
    delete.click()
    expect(admin.get_by_role("dialog")).to_contain_text(product["name"])
    admin.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(admin.get_by_text("Nothing matches these filters")).to_be_visible()


def test_reader_sees_no_write_actions(signed_in):
    page = signed_in()
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_role("button", name="New product")).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("^(Edit|Delete) "))).to_have_count(0)
    expect(page.get_by_role("link", name="Users")).to_be_hidden()


def test_each_permission_shows_its_own_action(signed_in):
    page = signed_in(permissions=["catalog.change_product"])
    expect(page.get_by_role("button", name=re.compile("^Edit ")).first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Delete "))).to_have_count(0)
    expect(page.get_by_role("button", name="New product")).to_be_hidden()
