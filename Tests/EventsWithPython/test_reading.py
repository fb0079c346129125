"""Martlet's events reach both programs of docs/guides/events-with-python.md, once and in order."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Program, until, users
from packages import Platform, running
from processes import MARTLET
from redis import Redis


@pytest.fixture(scope="module")
def platform(redis, tmp_path_factory):
    with running(
        MARTLET, tmp_path_factory.mktemp("martlet"), MARTLET_BROKER="redis", MARTLET_REDIS_URL=redis
    ) as platform:
        yield platform


def column(program: Program, file: str, query: str) -> list:
    """Reads from the database of a program."""
    with sqlite3.connect(program.folder / file, timeout=10) as database:
        return [value for (value,) in database.execute(query)]


def tasks(moderation: Program) -> list[str]:
    return column(moderation, "db.sqlite3", "SELECT username FROM moderation_task ORDER BY user_id, id")


def register(platform: Platform, name: str) -> int:
    user = {"email": f"{name}@example.org", "username": name, "password": "nine-copper-lanterns"}
    status, answer = platform.call("POST", "/api/users", user)
    assert status == 201, answer
    return answer["id"]


def rename(platform: Platform, user: int, name: str) -> None:
    assert platform.call("PATCH", f"/api/users/{user}", {"username": name})[0] == 200


def every_user_once(platform: Platform, ratings: Program, moderation: Program) -> None:
    """Each program has every user once, by the present name."""
    items = platform.call("GET", "/api/users?ordering=id&limit=100")[1]["items"]
    names = [user["username"] for user in items]
    until(lambda: users(ratings) == names)
    until(lambda: tasks(moderation) == names)


def test_both_programs_hear_of_every_user_once_though_they_are_killed(platform, ratings, moderation):
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda number: register(platform, f"user{number}"), range(6)))
    for program in (ratings, moderation):
        # With events that were delivered and not handled, and with one that was handled and not acknowledged.
        program.die(DIE_AFTER="xreadgroup:1")
        program.die(DIE_BEFORE="xack:3")
        program.start()
    every_user_once(platform, ratings, moderation)
    register(platform, "while-they-run")
    every_user_once(platform, ratings, moderation)


def test_changes_of_a_user_arrive_in_order(platform, ratings, moderation):
    user = register(platform, "anna")
    for number in range(5):
        rename(platform, user, f"anna{number}")
    every_user_once(platform, ratings, moderation)
    assert platform.call("DELETE", f"/api/users/{user}")[0] == 204
    every_user_once(platform, ratings, moderation)


def test_what_redis_has_forgotten_is_published_again(redis, platform, ratings, moderation):
    ratings.kill()
    moderation.kill()
    register(platform, "forgotten")
    Redis.from_url(redis).flushall()
    ratings.start()
    moderation.start()
    every_user_once(platform, ratings, moderation)
    assert len(tasks(moderation)) == len(users(ratings))


def test_an_event_that_is_missing_is_asked_for(redis, platform, ratings, moderation):
    user = register(platform, "berta")
    every_user_once(platform, ratings, moderation)
    ratings.kill()
    moderation.kill()
    rename(platform, user, "berta1")
    rename(platform, user, "berta2")
    client = Redis.from_url(redis, decode_responses=True)

    def change(name: str) -> tuple[str, str] | None:
        for entry, fields in client.xrange("martlet:events:accounts"):
            if fields["subject"] == f"users/{user}" and json.loads(fields["data"]).get("username") == name:
                return entry, fields["id"]

    # Were it the last one, Accounts itself would notice.
    until(lambda: change("berta2"))
    entry, missing = change("berta1")
    assert client.xdel("martlet:events:accounts", entry) == 1
    ratings.start()
    moderation.start()
    # Accounts looks for requests twice a minute.
    until(lambda: missing in column(ratings, "ratings.sqlite", "SELECT id FROM seen_events"), within=60)
    until(lambda: missing in column(moderation, "db.sqlite3", "SELECT id FROM moderation_seenevent"), within=60)
    every_user_once(platform, ratings, moderation)
