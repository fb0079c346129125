"""Unsaved changes are not lost without a question."""
import re

from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, PASSWORD, PHONE, URL, refuse, sign_in, unique

QUESTION = "Discard your changes?"


def question(page):
    return page.get_by_role("dialog", name=QUESTION)


def form(page):
    return page.get_by_role("dialog", name="New product")


def type_into_new_product(page, name="Half a product"):
    page.get_by_role("button", name="New product").click()
    form(page).get_by_label("Name").fill(name)


def press_escape(page):
    page.keyboard.press("Escape")


def click_outside(page):
    page.mouse.click(8, 400)


def press_cancel(page):
    form(page).get_by_role("button", name="Cancel").click()


def press_close(page):
    form(page).get_by_role("button", name="Close").click()


def go_back(page):
    page.evaluate("history.back()")


WAYS = [press_escape, click_outside, press_cancel, press_close, go_back]


def search(page):
    """Opens another page of the console, to go back to."""
    page.get_by_role("searchbox").fill("Sample")
    expect(page).to_have_url(re.compile("search=Sample"))


def test_changed_dialog_asks_before_closing(admin):
    search(admin)
    for leave in WAYS:
        type_into_new_product(admin)
        leave(admin)
        expect(question(admin)).to_be_visible()
        expect(question(admin).get_by_role("button", name="Keep editing")).to_be_focused()
        question(admin).get_by_role("button", name="Keep editing").click()
        expect(question(admin)).to_be_hidden()
        expect(form(admin).get_by_label("Name")).to_have_value("Half a product")
        expect(admin).to_have_url(re.compile("search=Sample"))
        leave(admin)
        question(admin).get_by_role("button", name="Discard changes").click()
        expect(form(admin)).to_be_hidden()
        expect(admin).to_have_url(f"{URL}/products" if leave is go_back else re.compile("search=Sample"))


def test_unchanged_dialog_closes_without_asking(admin):
    search(admin)
    for leave in WAYS:
        type_into_new_product(admin, name="")
        leave(admin)
        expect(form(admin)).to_be_hidden()
        expect(question(admin)).to_be_hidden()


def test_escape_asks_before_closing_a_full_screen_form(new_context):
    page = new_context(viewport=PHONE).new_page()
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    type_into_new_product(page)
    press_escape(page)
    expect(question(page)).to_be_visible()
    press_escape(page)
    expect(question(page)).to_be_hidden()
    expect(form(page).get_by_label("Name")).to_have_value("Half a product")


def test_reload_asks_only_when_there_are_changes(admin):
    asked = []
    admin.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    admin.reload()
    expect(admin.get_by_role("heading", name="Products")).to_be_visible()
    assert asked == []
    type_into_new_product(admin)
    admin.reload()
    expect(admin.get_by_role("heading", name="Products")).to_be_visible()
    assert asked == ["beforeunload"]


def test_link_asks_and_leaves_on_confirmation(signed_in):
    page = signed_in(path="/profile")
    page.get_by_label("Bio").fill("Half a sentence")
    page.get_by_role("link", name="Products").click()
    question(page).get_by_role("button", name="Keep editing").click()
    expect(page.get_by_label("Bio")).to_have_value("Half a sentence")
    page.get_by_role("link", name="Products").click()
    question(page).get_by_role("button", name="Discard changes").click()
    expect(page.get_by_role("heading", name="Products")).to_be_visible()


def test_back_asks_and_leaves_on_confirmation(signed_in):
    page = signed_in()
    page.get_by_role("link", name="Profile").click()
    page.get_by_label("Bio").fill("Half a sentence")
    go_back(page)
    question(page).get_by_role("button", name="Keep editing").click()
    expect(page).to_have_url(f"{URL}/profile")
    expect(page.get_by_label("Bio")).to_have_value("Half a sentence")
    go_back(page)
    question(page).get_by_role("button", name="Discard changes").click()
    expect(page.get_by_role("heading", name="Products")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", name="Your profile")).to_be_visible()


def test_sign_out_asks(signed_in):
    page = signed_in(path="/profile")
    page.get_by_label("Bio").fill("Half a sentence")
    page.get_by_role("button", name="Account menu").click()
    page.get_by_text("Sign out").click()
    question(page).get_by_role("button", name="Keep editing").click()
    expect(page.get_by_label("Bio")).to_have_value("Half a sentence")


def test_saved_form_closes_without_asking(signed_in):
    page = signed_in(path="/profile")
    page.get_by_label("Bio").fill("A sentence.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()
    page.get_by_role("link", name="Products").click()
    expect(page.get_by_role("heading", name="Products")).to_be_visible()
    expect(question(page)).to_be_hidden()


def end_session(page):
    """Simulates a session ended by an administrator: the token and its renewal are rejected."""
    refuse(page, "**/api/**", 401, "session_ended")
    page.route("**/api/auth/login", lambda route: (page.unroute("**/api/**"), route.continue_()))


def sign_in_again(page, password):
    over = page.get_by_role("dialog", name="Sign in again")
    over.get_by_label("Password", exact=True).fill(password)
    over.get_by_role("button", name="Sign in").click()
    expect(over).to_be_hidden()


def test_ended_session_asks_to_sign_in_and_sends_the_form_once(signed_in, api):
    page = signed_in(permissions=["catalog.add_product"])
    name = unique("Kept")
    type_into_new_product(page, name)
    form(page).get_by_label("Price").fill("4.20")
    sent = []
    page.on("request", lambda r: r.method == "POST" and r.url == f"{URL}/api/products" and sent.append(r.post_data))
    end_session(page)
    form(page).get_by_role("button", name="Create").click()
    over = page.get_by_role("dialog", name="Sign in again")
    expect(over).to_be_visible()
    expect(over.get_by_label("Password", exact=True)).to_be_focused()
    # A wrong password changes nothing.
    refuse(page, "**/api/auth/login", 401, "invalid_credentials")
    over.get_by_label("Password", exact=True).fill("not-the-password")
    over.get_by_role("button", name="Sign in").click()
    expect(over.get_by_role("alert")).to_contain_text("Incorrect name or password.")
    page.unroute("**/api/auth/login")
    end_session(page)
    sign_in_again(page, PASSWORD)
    expect(page.get_by_text(f"“{name}” was created.")).to_be_visible()
    expect(form(page)).to_be_hidden()
    assert len(sent) == 2, "refused once, sent once more"
    assert api.call("GET", f"/api/products?search={name}")["total"] == 1


def test_ended_session_keeps_a_form_being_typed(new_context, api):
    user = api.create_user()
    context = new_context()
    first, second = context.new_page(), context.new_page()
    sign_in(first, user["username"], PASSWORD)
    second.goto(f"{URL}/profile")
    second.get_by_label("Bio").fill("Half a sentence")
    first.get_by_role("button", name="Account menu").click()
    first.get_by_text("Sign out").click()
    expect(first).to_have_url(re.compile("/login"))
    sign_in_again(second, PASSWORD)
    expect(second.get_by_label("Bio")).to_have_value("Half a sentence")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("Your profile was saved.")).to_be_visible()


def test_another_user_in_another_tab_does_not_take_over_the_form(new_context, api):
    owner, other = api.create_user(), api.create_user()
    context = new_context()
    first, second = context.new_page(), context.new_page()
    sign_in(first, owner["username"], PASSWORD)
    second.goto(f"{URL}/profile")
    second.get_by_label("Bio").fill("Half a sentence")
    first.get_by_role("button", name="Account menu").click()
    first.get_by_text("Sign out").click()
    expect(first).to_have_url(re.compile("/login"))
    sign_in(first, other["username"], PASSWORD)
    expect(second.get_by_role("dialog", name="Sign in again").get_by_label("E-mail or username")).to_have_value(owner["username"])
    sign_in_again(second, PASSWORD)
    expect(second.get_by_label("Bio")).to_have_value("Half a sentence")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("Your profile was saved.")).to_be_visible()
    assert api.call("GET", f"/api/users/{owner['id']}")["profile"]["bio"] == "Half a sentence"


def test_user_who_does_not_sign_in_again_can_leave(signed_in):
    page = signed_in(path="/profile")
    page.get_by_label("Bio").fill("Half a sentence")
    end_session(page)
    page.get_by_role("button", name="Save").click()
    over = page.get_by_role("dialog", name="Sign in again")
    over.get_by_role("button", name="Discard changes").click()
    question(page).get_by_role("button", name="Discard changes").click()
    expect(page).to_have_url(re.compile("/login"))
