"""Martlet handles what both programs of docs/guides/events-with-python.md publish."""

import pytest
from conftest import call, until, users
from packages import ROOT, build, running


@pytest.fixture(scope="module")
def shop(redis, tmp_path_factory):
    """Martlet's standard services and the reviews of Examples/Shop, which handle the programs' events."""
    program = build(ROOT / "Examples" / "Shop", "shop")
    with running(program, tmp_path_factory.mktemp("shop"), MARTLET_BROKER="redis", MARTLET_REDIS_URL=redis) as shop:
        yield shop


def test_a_service_handles_what_both_programs_publish(shop, ratings, moderation):
    assert shop.call("POST", "/api/products", {"name": "Jasmine tea", "price": "12.50"})[0] == 201
    # Dies when it has published the first event, and before it has noted so.
    ratings.start(DIE_AFTER="xadd:1")
    moderation.start()
    until(lambda: users(ratings) == ["admin"])
    call(ratings, "/ratings", {"user_id": 1, "product_id": 1, "rating": 4, "title": "Fragrant"})
    assert ratings.process.wait(30) == -9
    ratings.start()

    def reviews() -> list[dict]:
        return shop.call("GET", "/api/reviews?ordering=id")[1]["items"]

    (review,) = until(reviews)
    assert (review["author"], review["rating"], review["title"]) == ("admin", 4, "Fragrant")
    moderation.manage("shell", "-c", f"from moderation.models import remove_review; remove_review({review['id']})")
    until(lambda: not reviews())
    until(lambda: users(ratings))
    call(ratings, "/ratings", {"user_id": 1, "product_id": 1, "rating": 2, "title": "Weak"})
    (review,) = until(reviews)
    assert (review["author"], review["title"]) == ("admin", "Weak")
    # The first rating was published twice, both times before the second one.
    deliveries = shop.call("GET", "/api/jobs/reviews/finished?kind=ratings.product_rated")[1]
    assert deliveries["total"] == 2
