"""Fields, buttons and dialogs with touch and screen readers."""
import pytest
from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, PHONE, URL

# Touch targets, measured by the area that a touch hits: a field by its frame.
SMALL = """() => [...document.querySelectorAll(
        "button, a[href], [role=button], [role=link], [role=menuitem], [role=menuitemradio], [role=option], [role=switch], "
        + ".q-chip__icon--remove, .q-field__focusable-action, input, textarea")]
    .filter((element) => element.checkVisibility() && !element.closest("[aria-hidden=true]") && !element.matches(".m-skip"))
    .map((element) => element.matches("input, textarea") ? element.closest(".q-field__control") ?? element : element)
    .map((element) => [element.getBoundingClientRect(), element])
    .filter(([box]) => box.width > 0 && box.bottom > 0 && (box.width < 43.5 || box.height < 43.5))
    .map(([box, element]) => `${Math.round(box.width)}×${Math.round(box.height)} ${element.outerHTML.slice(0, 160)}`)"""


def enter(page):
    page.goto(f"{URL}/login")
    page.locator("input[name=username]").fill(ADMIN_EMAIL)
    page.locator("input[name=password]").fill(ADMIN_PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.locator(".m-row-card").first).to_be_visible()


def stands_still(page):
    page.evaluate(
        """() => Promise.allSettled(document.getAnimations()
            .filter((animation) => animation.effect.getTiming().iterations !== Infinity)
            .map((animation) => animation.finished))"""
    )


@pytest.fixture
def phone(new_context):
    return new_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()


def test_phone_targets_are_large_enough(phone, api):
    for path in ("/login", "/register"):
        phone.goto(URL + path)
        expect(phone.locator("form")).to_be_visible()
        phone.wait_for_load_state("networkidle")
        assert phone.evaluate(SMALL) == [], path
    enter(phone)
    for path in ("/products?search=Sample", "/users", "/profile", "/no-such-page"):
        phone.goto(URL + path)
        expect(phone.locator("h1")).to_be_visible()
        phone.wait_for_load_state("networkidle")
        assert phone.evaluate(SMALL) == [], path
    phone.goto(f"{URL}/products")
    phone.get_by_role("button", name="Filters").click()
    phone.get_by_role("button", name="Open navigation").click()
    expect(phone.get_by_role("link", name="Users")).to_be_in_viewport()
    assert small_targets(phone) == [], "filters and navigation"


def small_targets(page):
    """Targets that are too small once dialogs have grown to their size."""
    stands_still(page)
    for _ in range(60):
        if not (small := page.evaluate(SMALL)):
            break
        page.wait_for_timeout(50)
    return small


@pytest.mark.parametrize("path", ["/products", "/users"])
def test_phone_targets_of_dialogs_are_large_enough(phone, api, path):
    user = api.create_user(permissions=["catalog.add_product", "catalog.change_product"])
    enter(phone)
    phone.goto(f"{URL}/users?search={user['username']}" if path == "/users" else f"{URL}/products")
    phone.get_by_role("button", name="Edit ").first.click()
    expect(phone.get_by_role("dialog").locator(".m-fields")).to_be_visible()
    assert small_targets(phone) == []
    phone.get_by_role("dialog").get_by_role("button", name="Close").click()
    phone.get_by_role("button", name="Delete ").first.click()
    expect(phone.get_by_role("dialog", name="Delete this")).to_be_visible()
    assert small_targets(phone) == []


def test_notice_does_not_cover_the_buttons_of_a_dialog(phone):
    enter(phone)
    phone.get_by_role("button", name="New product").click()
    dialog = phone.get_by_role("dialog")
    dialog.get_by_label("Name").fill("A product with a name as long as a notice can be wide")
    dialog.get_by_label("Price").fill("1")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    phone.get_by_role("button", name="New product").click()
    notice = phone.locator(".q-notification")
    expect(notice).to_contain_text("was created")
    stands_still(phone)
    buttons = dialog.get_by_role("button", name="Cancel").bounding_box()
    box = notice.bounding_box()
    assert box["y"] + box["height"] <= buttons["y"]


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_error_lines_do_not_touch_the_next_field(new_context, locale):
    page = new_context(viewport=PHONE, locale=locale).new_page()
    page.goto(f"{URL}/register")
    page.locator("input[name=email]").fill("nobody")
    page.locator("input[name=username]").fill("!")
    page.locator("input[name=password]").fill("1")
    page.locator("button[type=submit]").click()
    expect(page.locator(".q-field--error").first).to_be_visible()
    # A message of several lines, which a newer server may send.
    page.evaluate("document.querySelector('.q-field__messages > div').textContent = 'A long message. '.repeat(12)")
    gaps = page.evaluate(
        """() => [...document.querySelectorAll(".q-field--error")].map((field) => {
            const next = field.nextElementSibling;
            const message = field.querySelector(".q-field__messages").getBoundingClientRect();
            return (next.querySelector(".q-field__control") ?? next).getBoundingClientRect().top - message.bottom;
        })"""
    )
    assert gaps and min(gaps) >= 6, gaps


def test_dialogs_have_names(admin):
    for path, opener, name in [
        ("/products", "New product", "New product"),
        ("/users", "New user", "New user"),
        ("/products", "Delete Sample 1", "Delete this product?"),
    ]:
        admin.goto(URL + path)
        admin.get_by_role("button", name=opener, exact=True).click()
        expect(admin.get_by_role("dialog", name=name)).to_be_visible()
