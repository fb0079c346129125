"""Signing in and out under unusual conditions."""
import re
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, PASSWORD, URL, refuse, sign_in, unique


def fill_sign_in(page, password="not-the-password"):
    page.goto(f"{URL}/login")
    page.locator("input[name=username]").fill(ADMIN_EMAIL)
    page.locator("input[name=password]").fill(password)
    page.locator("button[type=submit]").click()


def test_focus_goes_to_the_heading_after_sign_in_and_on_each_page(admin):
    expect(admin.get_by_role("heading", name="Products")).to_be_focused()
    admin.get_by_role("link", name="Users").click()
    expect(admin.get_by_role("heading", name="Users")).to_be_focused()


def test_closed_registration_is_not_offered(page):
    page.route("**/api/auth/registration", lambda route: route.fulfill(json={"open": False}))
    with page.expect_response("**/api/auth/registration"):
        page.goto(f"{URL}/login")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Create an account")).to_have_count(0)
    page.goto(f"{URL}/register")
    expect(page.get_by_text("Registration is closed.")).to_be_visible()
    expect(page.locator("form")).to_have_count(0)
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_open_registration_is_offered(page, api):
    assert api.call("GET", "/api/auth/registration") == {"open": True}
    page.goto(f"{URL}/login")
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()


def test_closing_registration_removes_the_form(page):
    refuse(page, "**/api/auth/register", 403, "registration_closed", detail="Registration is closed.")
    page.goto(f"{URL}/register")
    name = unique("late")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Registration is closed.")).to_be_visible()
    expect(page.locator("form")).to_have_count(0)


def answer_sign_out(page, answer):
    page.route("**/api/auth/logout", answer)
    page.get_by_role("button", name="Account menu").click()
    page.get_by_text("Sign out").click()


@pytest.mark.parametrize("answer", ["abort", "unavailable"])
def test_sign_out_works_while_the_server_is_down(admin, answer):
    def down(route):
        if answer == "abort":
            return route.abort()
        return route.fulfill(status=503, content_type="application/problem+json", body='{"title":"x","status":503}')

    answer_sign_out(admin, down)
    expect(admin).to_have_url(re.compile("/login"))
    expect(admin.get_by_text("You are signed out on this device.")).to_be_visible()
    admin.reload()
    expect(admin.get_by_role("heading", name="Sign in")).to_be_visible()
    # The server is notified as soon as it is reachable: the browser's session cookie is then invalid.
    admin.unroute("**/api/auth/logout")
    with admin.expect_response("**/api/auth/logout") as told:
        admin.reload()
    assert told.value.status == 204
    assert admin.evaluate("fetch('/api/auth/refresh', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}}).then((answer) => answer.status)") == 401


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        ("30", "Too many failed attempts. Try again in 30 seconds."),
        ("300", "Too many failed attempts. Try again in 5 minutes."),
        (None, "Too many failed attempts. Wait a moment and try again."),
    ],
)
def test_retry_after_is_shown(page, wait, text):
    headers = {"Retry-After": wait} if wait else {}
    refuse(page, "**/api/auth/login", 429, "too_many_attempts", headers=headers)
    fill_sign_in(page)
    expect(page.get_by_role("alert")).to_have_text(re.compile(re.escape(text)))


def test_retry_after_can_be_a_date(new_context):
    page = new_context(locale="zh-CN").new_page()
    now = datetime(2030, 1, 1, 12, 0, tzinfo=timezone.utc)
    page.clock.set_fixed_time(now)
    later = format_datetime(now + timedelta(seconds=45), usegmt=True)
    refuse(page, "**/api/auth/login", 503, "unavailable", headers={"Retry-After": later})
    fill_sign_in(page)
    expect(page.get_by_role("alert")).to_contain_text("服务暂时不可用。请在 45 秒后重试。")


def test_unknown_code_shows_the_servers_text(page):
    refuse(page, "**/api/auth/login", 409, "code_of_tomorrow", detail="The moon is in the wrong phase.")
    fill_sign_in(page)
    expect(page.get_by_role("alert")).to_contain_text("The moon is in the wrong phase.")


@pytest.mark.parametrize(
    ("system", "chosen", "color"),
    [
        ("dark", None, "rgb(18, 23, 29)"),
        ("light", "dark", "rgb(18, 23, 29)"),
        ("light", None, "rgb(246, 247, 249)"),
        ("dark", "light", "rgb(246, 247, 249)"),
    ],
)
def test_page_has_its_appearance_before_the_application_runs(new_context, system, chosen, color):
    page = new_context(color_scheme=system).new_page()
    page.goto(f"{URL}/login")
    if chosen:
        page.evaluate("(theme) => localStorage.setItem('martlet.theme', theme)", chosen)
    page.route("**/vendor/**/*.js", lambda route: route.abort())
    page.goto(f"{URL}/login")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == color
    expected = "dark" if color == "rgb(18, 23, 29)" else "light"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == expected


def test_tab_too_slow_to_renew_retries(admin):
    """Without browser locks, another tab may use the session's token first."""
    asked = []

    def answer(route):
        asked.append(route.request.url)
        if len(asked) > 1:
            return route.continue_()
        return route.fulfill(
            status=401, content_type="application/problem+json",
            body='{"title":"Unauthorized","status":401,"code":"refresh_token_used"}',
        )

    admin.route("**/api/auth/refresh", answer)
    admin.reload()
    expect(admin.get_by_role("heading", name="Products")).to_be_visible()
    assert len(asked) == 2
