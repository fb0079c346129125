"""Fields with suggestions: Enter accepts the highlighted one."""
from playwright.sync_api import expect

from console import URL, unique


def chips(page):
    return page.get_by_role("dialog").locator(".q-chip")


def edit_user(page, user):
    page.goto(f"{URL}/users?search={user['username']}")
    page.get_by_role("button", name=f"Edit {user['username']}").click()
    return page.get_by_role("dialog").get_by_label("Permissions")


def new_product(page):
    page.get_by_role("button", name="New product").click()
    return page.get_by_role("dialog").get_by_label("Category")


def test_enter_adds_but_never_removes_a_permission(admin, api):
    user = api.create_user(permissions=["catalog.add_product"])
    field = edit_user(admin, user)
    expect(chips(admin)).to_have_count(1)
    field.fill("catalog.add")
    field.press("Enter")
    expect(chips(admin).first).to_contain_text("catalog.add_product")
    field.fill("catalog.add_product")
    expect(admin.get_by_role("option")).to_have_count(0)
    field.press("Enter")
    expect(chips(admin).first).to_contain_text("catalog.add_product")


def test_permissions_are_filtered_and_the_highlighted_one_is_added(admin, api):
    user = api.create_user(permissions=["catalog.add_product"])
    field = edit_user(admin, user)
    field.fill("view")
    expect(admin.get_by_role("option")).to_contain_text(["accounts.view_user"])
    expect(admin.get_by_role("option", name="accounts.add_user")).to_have_count(0)
    field.fill("catalog.c")
    expect(admin.get_by_role("option", name="catalog.change_product")).to_be_visible()
    field.press("Enter")
    expect(field).to_have_value("")
    field.press("ArrowDown")
    expect(admin.get_by_role("option", name="catalog.change_product")).to_have_count(0)
    admin.keyboard.press("Escape")
    expect(admin.get_by_role("option")).to_have_count(0)
    admin.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(admin.get_by_role("dialog")).to_be_hidden()
    stored = api.call("GET", f"/api/users/{user['id']}")["permissions"]
    assert sorted(stored) == ["catalog.add_product", "catalog.change_product"]


def test_partial_permission_filters_and_is_not_added(admin, api):
    field = edit_user(admin, api.create_user())
    field.fill("product")
    expect(admin.get_by_role("option")).to_have_text(
        ["catalog.add_product", "catalog.change_product", "catalog.delete_product"])
    field.press("Enter")
    expect(chips(admin)).to_contain_text(["catalog.add_product"])


def test_removed_permission_is_offered_again(admin, api):
    user = api.create_user(permissions=["catalog.add_product", "shop.sell_tea"])
    field = edit_user(admin, user)
    chips(admin).filter(has_text="shop.sell_tea").locator(".q-chip__icon--remove").click()
    expect(chips(admin)).to_have_count(1)
    field.fill("tea")
    admin.get_by_role("option", name="shop.sell_tea").click()
    expect(chips(admin)).to_contain_text(["catalog.add_product", "shop.sell_tea"])


def test_problem_with_one_permission_is_shown_at_the_field(admin, api):
    field = edit_user(admin, api.create_user())
    field.fill("Not a permission")
    field.press("Enter")
    admin.get_by_role("dialog").get_by_role("button", name="Save").click()
    box = admin.locator(".q-field", has=admin.get_by_label("Permissions"))
    expect(box).to_contain_text("“Not a permission”: This is not in the expected format.")
    expect(admin.get_by_role("dialog").locator(".m-form-message")).to_have_text("error_outlineCorrect the marked fields.")


def test_highlighted_category_is_taken_by_enter(admin, api):
    category = unique("Beverages")
    api.create_product(category=category)
    field = new_product(admin)
    field.press_sequentially(category[:-2].lower())
    expect(admin.get_by_role("option", name=category)).to_be_visible()
    expect(admin.get_by_role("option").first).to_contain_text(category)
    field.press("Enter")
    expect(field).to_have_value(category)
    name = unique("Drink")
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Price").fill("1")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    assert api.call("GET", f"/api/products?search={name}")["items"][0]["category"] == category


def test_new_category_can_be_typed_although_another_contains_it(admin, api):
    word = unique("Leaf")
    api.create_product(category=f"Green {word}")
    field = new_product(admin)
    field.fill(word)
    expect(admin.get_by_role("option", name=f"Green {word}")).to_be_visible()
    field.press("Enter")
    expect(field).to_have_value(word)


def test_arrow_keys_choose_a_category(admin, api):
    word = unique("Tea")
    for kind in ("black", "green", "white"):
        api.create_product(category=f"{word} {kind}")
    field = new_product(admin)
    field.press_sequentially(word)
    expect(admin.get_by_role("option", name=f"{word} white")).to_be_visible()
    field.press("ArrowDown")
    expect(field).to_have_value(f"{word} green")
    field.press("Enter")
    expect(field).to_have_value(f"{word} green")
    expect(admin.get_by_role("option")).to_have_count(0)


def test_typed_text_stays_when_nothing_is_chosen(admin):
    word = unique("Typed")
    field = new_product(admin)
    field.fill(word)
    admin.get_by_role("dialog").get_by_label("Name").click()
    expect(field).to_have_value(word)


def test_categories_are_found_behind_the_first_hundred_products(admin, api):
    """Categories are searched by their own name, not by the names of their products."""
    category = unique("Zz")
    api.create_product(category=category, name="Beverages of another kind")
    field = new_product(admin)
    field.fill("Beverages")
    expect(admin.get_by_role("option", name="Beverages", exact=False).first).to_be_visible()
    expect(admin.get_by_role("option", name=category)).to_have_count(0)
    field.fill(category[:6])
    expect(admin.get_by_role("option", name=category)).to_contain_text("1")


def test_highlight_follows_what_is_typed_before_the_server_answers(admin):
    """A suggestion for only part of the typed text is never accepted."""
    field = new_product(admin)
    field.fill("Beverages")
    expect(admin.get_by_role("option", name="Beverages")).to_be_visible()
    held = []
    admin.route("**/api/products/categories*", lambda route: held.append(route))
    field.fill("Beverages and more")
    field.press("Enter")
    expect(field).to_have_value("Beverages and more")
    for route in held:
        route.abort()
