import pytest
from playwright.sync_api import expect, sync_playwright

from console import ADMIN_EMAIL, ADMIN_PASSWORD, API, DESKTOP, PASSWORD, launch, sign_in

expect.set_options(timeout=8_000)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def api():
    return API(ADMIN_EMAIL, ADMIN_PASSWORD)


@pytest.fixture
def new_context(browser):
    """Creates separate browser profiles, which share nothing with other tests."""
    contexts = []

    def make(**options):
        context = browser.new_context(**{"viewport": DESKTOP, "locale": "en", "color_scheme": "light", **options})
        context.set_default_timeout(8_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_context):
    return new_context().new_page()


@pytest.fixture
def admin(page):
    """A page with the administrator signed in."""
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    return page


@pytest.fixture
def signed_in(api, new_context):
    """Signs in a new user with the given fields and returns their page."""

    def make(path="/products", **fields):
        user = api.create_user(**fields)
        page = new_context().new_page()
        sign_in(page, user["username"], PASSWORD)
        if path != "/products":
            page.goto(page.url.replace("/products", path))
        return page

    return make
