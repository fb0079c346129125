from playwright.sync_api import expect

from console import PASSWORD, URL, sign_in, unique

VIEW = ["accounts.view_user"]
ALL = [f"accounts.{verb}_user" for verb in ("view", "add", "change", "delete")]


def rows(page):
    return page.locator("tbody tr")


def field(page, label):
    return page.locator(".q-field", has=page.get_by_label(label, exact=True))


def test_superuser_creates_edits_and_deletes(admin, new_context):
    name = unique("colleague")
    admin.get_by_role("link", name="Users").click()
    admin.get_by_role("button", name="New user").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("E-mail", exact=True).fill("nobody")
    dialog.get_by_label("Username").fill(name)
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Create").click()
    expect(field(admin, "E-mail")).to_contain_text("valid e-mail address")
    dialog.get_by_label("E-mail", exact=True).fill(f"{name}@example.com")
    dialog.get_by_label("Permissions").fill("catalog.add_product")
    dialog.get_by_label("Permissions").press("Enter")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()

    admin.get_by_role("searchbox").fill(name)
    expect(rows(admin)).to_have_count(1)
    admin.get_by_role("button", name=f"Edit {name}").click()
    dialog.get_by_label("Department").fill("Logistics")
    dialog.get_by_role("button", name="Save").click()
    expect(rows(admin).first).to_contain_text("Logistics")

    colleague = new_context().new_page()
    sign_in(colleague, name, PASSWORD)
    expect(colleague.get_by_role("button", name="New product")).to_be_visible()

    admin.get_by_role("button", name=f"Delete {name}").click()
    admin.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(admin.get_by_text("Nothing matches these filters")).to_be_visible()


def test_filters_by_flag(admin, api):
    user = api.create_user(is_active=False)
    admin.goto(f"{URL}/users?search={user['username']}")
    expect(rows(admin)).to_have_count(1)
    expect(rows(admin).first).to_contain_text("Inactive")
    admin.get_by_label("Active", exact=True).click()
    admin.get_by_role("option", name="Yes").click()
    expect(admin.get_by_text("Nothing matches these filters")).to_be_visible()


def test_staff_with_view_permission_only_looks(signed_in):
    page = signed_in(path="/users", is_staff=True, permissions=VIEW)
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_role("button", name="New user")).to_be_hidden()
    expect(page.locator(".m-row-actions")).to_have_count(0)


def test_staff_cannot_touch_superuser_flags(signed_in, api):
    user = api.create_user()
    page = signed_in(path="/users", is_staff=True, permissions=ALL)
    page.goto(f"{URL}/users?search={user['username']}")
    page.get_by_role("button", name=f"Edit {user['username']}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Department")).to_be_visible()
    for label in ("Staff", "Superuser", "Permissions"):
        expect(dialog.get_by_label(label, exact=True)).to_be_hidden()
    dialog.get_by_label("Department").fill("Support")
    dialog.get_by_role("button", name="Save").click()
    expect(rows(page).first).to_contain_text("Support")


def test_others_have_no_access(signed_in):
    page = signed_in(path="/users")
    expect(page.get_by_role("heading", name="No access")).to_be_visible()


def test_changes_own_profile(signed_in):
    page = signed_in(path="/profile")
    page.get_by_label("Website").fill("not a link")
    page.get_by_label("Bio").fill("Keeps the shelves full.")
    page.get_by_label("Date of birth").fill("1990-02-28")
    page.get_by_role("button", name="Save").click()
    expect(field(page, "Website")).to_contain_text("full web address")
    page.get_by_label("Website").fill("https://example.com/me")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Bio")).to_have_value("Keeps the shelves full.")
    expect(page.get_by_label("Date of birth")).to_have_value("1990-02-28")


def test_changes_own_password(api, new_context):
    user = api.create_user()
    page = new_context().new_page()
    sign_in(page, user["username"], PASSWORD)
    page.goto(f"{URL}/profile")
    page.get_by_label("Current password").fill("not-the-password")
    page.get_by_label("New password").fill(f"{PASSWORD}-new")
    page.get_by_role("button", name="Change password").click()
    expect(field(page, "Current password")).to_contain_text("Incorrect password.")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password was changed.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your profile")).to_be_visible()
    sign_in(new_context().new_page(), user["username"], f"{PASSWORD}-new")
