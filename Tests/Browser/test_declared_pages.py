"""Pages that services declare in /console.json. The tests provide the document and the list instead of services."""
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from console import ADMIN_EMAIL, ADMIN_PASSWORD, DESKTOP, PASSWORD, PHONE, URL, sign_in

# The built-in entries of the navigation.
OWN = ["Products", "Users", "Profile", "API reference"]

XSS = "<img src=x onerror=\"document.title='owned'\">"

COLUMNS = [
    {"name": "title", "title": {"en": "Title", "zh-CN": "标题"}, "form": "text", "is_sortable": True},
    {"name": "stars", "title": {"en": "Stars", "zh-CN": "评分"}, "form": "number", "is_sortable": True},
    {"name": "refund", "title": {"en": "Refund", "zh-CN": "退款"}, "form": "money", "is_sortable": False},
    {"name": "is_public", "title": {"en": "Public", "zh-CN": "公开"}, "form": "boolean", "is_sortable": False},
    {"name": "created_at", "title": {"en": "Written", "zh-CN": "发布时间"}, "form": "time", "is_sortable": True},
]

REVIEWS = {
    "path": "/reviews",
    "icon": "rate_review",
    "title": {"en": "Reviews", "zh-CN": "评论"},
    "list": "/api/reviews",
    "permission": None,
    "search": True,
    "columns": COLUMNS,
}


def review(number, **fields):
    return {
        "id": number, "title": f"Review {number:02}", "stars": 1200 + number, "refund": 12.5, "currency": "EUR",
        "is_public": number % 2 == 0, "created_at": "2026-03-04T05:06:07Z", **fields,
    }


class Service:
    """A service with `items`, as seen by the browser."""

    def __init__(self, items):
        self.items = items
        self.queries = []

    def answer(self, route):
        query = {name: value for name, [value] in parse_qs(urlparse(route.request.url).query).items()}
        self.queries.append(query)
        found = [item for item in self.items if query.get("search", "") in str(item["title"])]
        size = int(query["page_size"])
        skip = (int(query["page"]) - 1) * size
        route.fulfill(json={"items": found[skip : skip + size], "total": len(found), "skip": skip, "limit": size})


def declare(page, *pages, items=()):
    """Makes the platform declare `pages`, with a list of `items`."""
    service = Service(list(items))
    page.route("**/console.json", lambda route: route.fulfill(json={"pages": pages}))
    page.route("**/api/reviews?*", service.answer)
    return service


@pytest.fixture(scope="module")
def console(browser):
    """One page for all tests, because signing in takes longer than the tests."""
    context = browser.new_context(viewport=DESKTOP, locale="en", color_scheme="light")
    context.set_default_timeout(8_000)
    page = context.new_page()
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    yield page
    context.close()


@pytest.fixture
def page(console):
    yield console
    console.unroute_all()


def open_reviews(page, address="/reviews"):
    page.goto(URL + address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Reviews")


def link(page, name="Reviews"):
    return page.get_by_role("link", name=name)


def labels(page):
    return page.locator("nav a .q-item__section--main").all_inner_texts()


def rows(page):
    return page.locator("tbody tr")


def test_declared_page_is_in_the_navigation_and_has_an_address(page):
    declare(page, REVIEWS, items=[review(1)])
    page.goto(f"{URL}/products")
    link(page).click()
    expect(page).to_have_url(f"{URL}/reviews")
    expect(page).to_have_title("Reviews · Martlet")
    expect(page.get_by_role("heading", name="Reviews")).to_be_focused()
    expect(link(page)).to_have_attribute("aria-current", "page")
    page.reload()
    expect(rows(page)).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("heading", name="Products")).to_be_visible()


def test_values_are_shown_in_the_form_of_their_column(page):
    odd = review(2, title="", stars="many", refund=None, is_public="perhaps", created_at="soon")
    declare(page, REVIEWS, items=[review(1), odd, review(3, currency=None, refund=1234)])
    open_reviews(page)
    expect(rows(page)).to_have_count(3)
    shown = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in rows(page).all()]
    time = page.evaluate(
        "new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date('2026-03-04T05:06:07Z'))"
    )
    assert shown == [
        ["Review 01", "1,201", "€12.50", "No", time],
        ["—", "many", "—", "perhaps", "soon"],
        ["Review 03", "1,203", "1,234.00", "No", time],
    ]


def test_search_sorting_and_paging_are_in_the_request_and_the_address(page):
    service = declare(page, REVIEWS, items=[review(number) for number in range(45)])
    open_reviews(page)
    expect(page.get_by_text("1–20 of 45")).to_be_visible()
    page.get_by_role("button", name="Stars").click()
    expect(page).to_have_url(f"{URL}/reviews?ordering=stars")
    expect(page.get_by_role("columnheader", name="Stars")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text("21–40 of 45")).to_be_visible()
    expect(page).to_have_url(f"{URL}/reviews?ordering=stars&page=2")
    assert service.queries[-1] == {"page": "2", "page_size": "20", "ordering": "stars"}
    page.get_by_role("searchbox", name="Search").fill("Review 3")
    expect(rows(page)).to_have_count(10)
    expect(page).to_have_url(f"{URL}/reviews?ordering=stars&search=Review+3")
    assert service.queries[-1] == {"page": "1", "page_size": "20", "ordering": "stars", "search": "Review 3"}
    page.reload()
    expect(rows(page)).to_have_count(10)
    expect(page.get_by_role("searchbox")).to_have_value("Review 3")
    expect(page.get_by_role("button", name="Refund")).to_have_count(0)


def test_list_without_search_has_no_search_box(page):
    service = declare(page, {**REVIEWS, "search": False}, items=[review(1)])
    open_reviews(page, "/reviews?search=nothing")
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_count(0)
    assert "search" not in service.queries[-1]


def test_empty_list_says_so(page):
    declare(page, REVIEWS)
    open_reviews(page)
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 503, "json": {"title": "Unavailable", "status": 503, "code": "unavailable"}},
        {"json": {"items": "none", "total": 0, "skip": 0, "limit": 20}},
        {"json": {"items": [None], "total": 1, "skip": 0, "limit": 20}},
        {"body": "<html>"},
    ],
    ids=["problem", "no items", "no item", "no JSON"],
)
def test_failing_list_can_be_tried_again(page, answer):
    declare(page, REVIEWS, items=[review(1)])
    page.route("**/api/reviews?*", lambda route: route.fulfill(**answer), times=1)
    page.goto(f"{URL}/reviews")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(rows(page)).to_have_count(1)


def test_title_is_in_the_language_of_the_user_or_in_english(new_context):
    page = new_context(locale="zh-CN").new_page()
    orders = {**REVIEWS, "path": "/complaints", "title": {"en": "Complaints"}}
    declare(page, REVIEWS, orders, items=[review(1)])
    page.goto(f"{URL}/reviews")
    page.locator("input[name=username]").fill(ADMIN_EMAIL)
    page.locator("input[name=password]").fill(ADMIN_PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("heading", name="评论")).to_be_visible()
    expect(page).to_have_title("评论 · Martlet")
    expect(page.get_by_role("columnheader", name="发布时间")).to_be_visible()
    expect(rows(page).first).to_contain_text("否")
    expect(link(page, "Complaints")).to_be_visible()
    page.get_by_role("button", name="语言").click()
    page.get_by_role("menuitemradio", name="English").click()
    expect(page.get_by_role("heading", name="Reviews")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Written")).to_be_visible()


def test_page_is_hidden_without_its_permission(api, new_context):
    def visit(**fields):
        user = api.create_user(**fields)
        page = new_context().new_page()
        declare(page, {**REVIEWS, "permission": "reviews.view_review"}, items=[review(1)])
        sign_in(page, user["username"], PASSWORD, path="/reviews")
        return page

    stranger = visit()
    expect(stranger.get_by_role("heading", name="No access")).to_be_visible()
    expect(link(stranger)).to_have_count(0)
    holder = visit(permissions=["reviews.view_review"])
    expect(rows(holder)).to_have_count(1)
    expect(link(holder)).to_be_visible()


def test_superuser_needs_no_permission(page):
    declare(page, {**REVIEWS, "permission": "reviews.view_review"}, items=[review(1)])
    open_reviews(page)
    expect(link(page)).to_be_visible()
    expect(rows(page)).to_have_count(1)


def test_declared_text_is_never_markup(page):
    columns = [{**COLUMNS[0], "title": {"en": XSS}}, {**COLUMNS[1], "form": XSS}]
    declared = {**REVIEWS, "title": {"en": XSS}, "icon": "img:https://example.com/x.png", "columns": columns}
    declare(page, declared, items=[review(1, title=XSS, stars=XSS)])
    page.goto(f"{URL}/reviews")
    expect(page.get_by_role("heading", level=1)).to_have_text(XSS)
    expect(page).to_have_title(f"{XSS} · Martlet")
    expect(page.get_by_role("columnheader").first.get_by_role("button")).to_have_text(XSS)
    expect(rows(page).locator("td")).to_have_text([XSS, XSS])
    assert XSS in labels(page)
    expect(page.locator("main img, nav img")).to_have_count(0)


def test_missing_or_broken_document_means_no_pages(page):
    def answer(body):
        return lambda route: route.fulfill(content_type="application/json", body=body)

    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for document in [
        lambda route: route.fulfill(status=404),
        lambda route: route.abort(),
        *map(answer, ["", "<html>", "null", "[]", '{"pages": {}}', '{"pages": [null, 7, "x", []]}']),
    ]:
        page.route("**/console.json", document)
        page.goto(f"{URL}/reviews")
        expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
        assert labels(page) == OWN
        expect(page.get_by_role("alert")).to_have_count(0)
        page.unroute("**/console.json")
    assert errors == []


def test_page_that_cannot_be_shown_leaves_the_others(page):
    def variants(name, *values):
        return [{**REVIEWS, name: value} for value in values]

    declare(
        page,
        *({key: value for key, value in REVIEWS.items() if key != name} for name in REVIEWS),
        *variants("path", "reviews", "/", "//x", "https://other.example/", "/a?b", "/a#b", "/a/../b", 5),
        *variants("list", "//other.example/x", "/\\other.example", "/\t/other.example", "https://other.example/", "api/reviews",
                  "/a/../b", "/api/reviews?x=1", "javascript:alert(1)", None),
        *variants("title", "Reviews", {}, {"zh-CN": "评论"}, {"en": ""}, {"en": {"x": 1}}),
        *variants("columns", [], {}, [None], [COLUMNS[0], COLUMNS[0]], [{"name": "title"}]),
        *variants("permission", 5, ""),
        *variants("search", "yes", None),
        # The console's own pages do not change.
        {**REVIEWS, "path": "/users"},
        {**REVIEWS, "path": "/good", "title": {"en": "Good"}},
        items=[review(1)],
    )
    page.goto(f"{URL}/products")
    expect(link(page, "Good")).to_be_visible()
    assert labels(page) == ["Products", "Users", "Good", "Profile", "API reference"]
    link(page, "Good").click()
    expect(rows(page)).to_have_count(1)


def test_unknown_icon_becomes_a_plain_one(page):
    pages = [{**REVIEWS, "path": f"/page{number}", "title": {"en": f"Page {number}"}, "icon": icon}
             for number, icon in enumerate(("rate_review", "no_such_icon", "review_home", "<b>", ""))]
    declare(page, *pages)
    page.goto(f"{URL}/products")
    for number, icon in enumerate(("rate_review", *["list_alt"] * 4)):
        expect(link(page, f"Page {number}").locator(".q-icon")).to_have_text(icon)


def test_address_waits_for_the_document(page):
    held = []
    declare(page, REVIEWS, items=[review(1)])
    page.route("**/console.json", lambda route: held.append(route))
    page.goto(f"{URL}/reviews/")
    expect(page.get_by_role("status")).to_have_text("Loading…")
    expect(link(page, "Products")).to_be_visible()
    held.pop().fulfill(json={"pages": [REVIEWS]})
    expect(rows(page)).to_have_count(1)
    page.goto(f"{URL}/nothing")
    expect(page.get_by_role("status")).to_have_text("Loading…")
    held.pop().fulfill(json={"pages": [REVIEWS]})
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()


def test_phone_shows_cards(new_context):
    page = new_context(viewport=PHONE).new_page()
    service = declare(page, REVIEWS, items=[review(number, title=f"Review {number} " + "long " * 200) for number in range(3)])
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD, path="/reviews")
    expect(page.locator(".m-row-card")).to_have_count(3)
    expect(page.locator(".m-row-card").first).to_contain_text("Refund")
    expect(page.get_by_role("button", name="Filters")).to_have_count(0)
    page.get_by_label("Sort by").click()
    page.get_by_role("option", name="Written, descending").click()
    expect(page).to_have_url(f"{URL}/reviews?ordering=-created_at")
    assert service.queries[-1]["ordering"] == "-created_at"
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert page.locator(".m-row-card").first.bounding_box()["height"] < 260


def test_phone_offers_no_sorting_where_nothing_can_be_sorted(new_context):
    page = new_context(viewport=PHONE).new_page()
    declare(page, {**REVIEWS, "columns": [{**COLUMNS[0], "is_sortable": False}]}, items=[review(1)])
    sign_in(page, ADMIN_EMAIL, ADMIN_PASSWORD, path="/reviews")
    expect(page.locator(".m-row-card")).to_have_count(1)
    expect(page.get_by_label("Sort by")).to_have_count(0)
