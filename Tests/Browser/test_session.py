import re

from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, PASSWORD, URL, sign_in, unique

PRODUCTS = re.compile("/products$")
SIGN_IN = re.compile("/login")


def sign_out(page):
    page.get_by_role("button", name="Account menu").click()
    page.get_by_text("Sign out").click()


def test_visitor_is_sent_to_sign_in_and_back(page):
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD, path="/products?search=a&ordering=-price")
    expect(page).to_have_url(f"{URL}/products?search=a&ordering=-price")


def test_next_address_cannot_lead_to_another_site(page):
    page.goto(f"{URL}/login?next=//example.org/")
    page.get_by_label("E-mail or username").fill(ADMIN_EMAIL)
    page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(PRODUCTS)


def test_signs_in_by_username(api, page):
    user = api.create_user()
    sign_in(page, user["username"], PASSWORD)
    expect(page.get_by_role("heading", name="Products")).to_be_visible()


def test_wrong_password_is_explained(page):
    page.goto(f"{URL}/login")
    page.get_by_label("E-mail or username").fill(ADMIN_EMAIL)
    page.get_by_label("Password", exact=True).fill("not-the-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Incorrect name or password.")
    expect(page).to_have_url(SIGN_IN)


def test_signs_out(admin):
    sign_out(admin)
    expect(admin).to_have_url(SIGN_IN)
    admin.goto(f"{URL}/products")
    expect(admin.get_by_role("heading", name="Sign in")).to_be_visible()


def test_registers_and_is_signed_in(page):
    name = unique("new")
    page.goto(f"{URL}/login")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url(PRODUCTS)
    page.get_by_role("button", name="Account menu").click()
    expect(page.get_by_text(f"{name}@example.com")).to_be_visible()


def test_registration_errors_are_shown_at_their_fields(api, page):
    taken = api.create_user()
    page.goto(f"{URL}/register")
    page.get_by_label("E-mail").fill("not-an-address")
    page.get_by_label("Username").fill(unique("new"))
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.locator(".q-field", has=page.get_by_label("E-mail"))).to_contain_text("valid e-mail address")
    expect(page.locator(".q-field", has=page.get_by_label("Password", exact=True))).to_contain_text("at least")
    page.get_by_label("E-mail").fill(taken["email"])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.locator(".q-field", has=page.get_by_label("E-mail"))).to_contain_text("already in use")


def test_reload_keeps_the_session(admin):
    admin.reload()
    expect(admin.get_by_role("heading", name="Products")).to_be_visible()
    stored = admin.evaluate("JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie")
    assert "eyJ" not in stored, "tokens must not be readable from storage or by scripts"


def test_two_tabs_keep_working_after_a_refresh(new_context):
    context = new_context()
    context.clock.install()
    first = context.new_page()
    sign_in(first, ADMIN_EMAIL, ADMIN_PASSWORD)
    second = context.new_page()
    second.goto(f"{URL}/products")
    expect(second.get_by_role("heading", name="Products")).to_be_visible()

    refreshes = []
    context.on("response", lambda answer: answer.url.endswith("/api/auth/refresh") and refreshes.append(answer.status))
    for _ in range(3):
        # Long enough for the timer of every tab. The tabs then refresh at the same time.
        with context.expect_event("response", lambda answer: answer.url.endswith("/api/auth/refresh")):
            context.clock.fast_forward("14:30")
        for tab in (first, second):
            tab.get_by_role("link", name="Profile").click()
            expect(tab.get_by_role("heading", name="Your profile")).to_be_visible()
            tab.get_by_role("link", name="Products").click()
            expect(tab.get_by_role("row").nth(1)).to_be_visible()
    assert set(refreshes) == {200}


def test_sign_out_in_one_tab_signs_out_the_other(new_context):
    context = new_context()
    first, second = context.new_page(), context.new_page()
    sign_in(first, ADMIN_EMAIL, ADMIN_PASSWORD)
    second.goto(f"{URL}/profile")
    expect(second.get_by_role("heading", name="Your profile")).to_be_visible()
    sign_out(first)
    expect(second).to_have_url(SIGN_IN)


def test_sign_in_in_one_tab_signs_in_the_other(new_context):
    context = new_context()
    first, second = context.new_page(), context.new_page()
    second.goto(f"{URL}/profile")
    expect(second.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(first, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(second.get_by_role("heading", name="Your profile")).to_be_visible()


def test_refused_token_is_renewed_once(admin):
    refused = []

    def refuse_first(route):
        if refused:
            return route.continue_()
        refused.append(route.request.url)
        return route.fulfill(
            status=401, content_type="application/problem+json",
            body='{"title":"Unauthorized","status":401,"code":"token_expired"}',
        )

    admin.route("**/api/auth/me", refuse_first)
    with admin.expect_response("**/api/auth/refresh") as refresh:
        admin.get_by_role("link", name="Profile").click()
    assert refresh.value.status == 200
    expect(admin.get_by_role("heading", name="Your profile")).to_be_visible()


def test_unreachable_server_can_be_retried(admin):
    admin.route("**/api/auth/refresh", lambda route: route.abort())
    admin.reload()
    expect(admin.get_by_role("alert")).to_contain_text("The server cannot be reached")
    admin.unroute("**/api/auth/refresh")
    admin.get_by_role("button", name="Try again").click()
    expect(admin.get_by_role("heading", name="Products")).to_be_visible()
