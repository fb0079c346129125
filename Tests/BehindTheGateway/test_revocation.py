"""A session that ends in Accounts also ends at once on the gateway's own routes, if both run in one process.

The services behind the gateway verify only signatures. The gateway stops such requests before they get there.
"""

import secrets

import pytest

PASSWORD = "Quartz-umbrella-73-vivid"


@pytest.fixture
def person(platform):
    """A user with a session whose token the gateway has verified."""
    name = f"person{secrets.token_hex(6)}"
    user = platform.ask("/api/users", {
        "email": f"{name}@example.org", "username": name, "password": PASSWORD,
    }, Authorization=f"Bearer {platform.token}")
    assert user.status == 201, user
    person = {"id": user.json["id"], "email": f"{name}@example.org"}
    person |= sign_in(platform, person["email"])
    assert report(platform, person) == (200, None)
    return person


def sign_in(platform, email):
    answer = platform.ask("/api/auth/login", {"email": email, "password": PASSWORD})
    assert answer.status == 200, answer
    return {"token": answer.json["access_token"], "refresh": answer.json["refresh_token"]}


def report(platform, session):
    answer = platform.ask("/reports/me", Authorization=f"Bearer {session['token']}")
    return answer.status, answer.json.get("code")


def test_signing_out_ends_the_token(platform, person):
    other = sign_in(platform, person["email"])
    unseen = sign_in(platform, person["email"])
    assert report(platform, other) == (200, None)
    assert platform.ask("/api/auth/logout", {"refresh_token": person["refresh"]}).status == 204
    assert report(platform, person) == (401, "session_ended")
    # Other sessions continue.
    assert report(platform, other) == (200, None)
    # A token that the gateway sees for the first time after its session has ended.
    assert platform.ask("/api/auth/logout", {"refresh_token": unseen["refresh"]}).status == 204
    assert report(platform, unseen) == (401, "session_ended")


@pytest.mark.parametrize("change", [
    {"is_active": False}, {"is_staff": True}, {"permissions": ["catalog.add_product"]},
    {"password": "Marble-trombone-58-hazel"},
], ids=lambda change: next(iter(change)))
def test_administrative_changes_end_sessions(platform, person, change):
    answer = platform.ask(
        f"/api/users/{person['id']}", change, method="PATCH", Authorization=f"Bearer {platform.token}")
    assert answer.status == 200, answer
    assert report(platform, person) == (401, "session_ended")


def test_deleted_user_is_unauthenticated(platform, person):
    answer = platform.ask(f"/api/users/{person['id']}", method="DELETE", Authorization=f"Bearer {platform.token}")
    assert answer.status == 204, answer
    assert report(platform, person) == (401, "session_ended")


def test_new_password_ends_other_sessions(platform, person):
    other = sign_in(platform, person["email"])
    assert report(platform, other) == (200, None)
    answer = platform.ask("/api/auth/change-password", {
        "current_password": PASSWORD, "new_password": "Marble-trombone-58-hazel",
    }, Authorization=f"Bearer {person['token']}")
    assert answer.status in (200, 204), answer
    assert report(platform, other) == (401, "session_ended")
    assert report(platform, person) == (200, None)


def test_reused_refresh_token_ends_the_session(platform, person):
    second = platform.ask("/api/auth/refresh", {"refresh_token": person["refresh"]})
    assert second.status == 200
    # Two threads of one program: the second one is rejected, and the session continues.
    again = platform.ask("/api/auth/refresh", {"refresh_token": person["refresh"]})
    assert (again.status, again.json["code"]) == (401, "refresh_token_used")
    assert report(platform, person) == (200, None)
    assert platform.ask("/api/auth/refresh", {"refresh_token": second.json["refresh_token"]}).status == 200
    assert platform.ask("/api/auth/refresh", {"refresh_token": person["refresh"]}).status == 401
    assert report(platform, person) == (401, "session_ended")


def test_service_can_look_up_the_user_of_its_request(platform, person):
    for path in ("/api/auth/verify-token/", "/api/auth/verify-token"):
        answer = platform.ask(path, method="POST", Authorization=f"Bearer {person['token']}")
        assert (answer.status, answer.json["user"]["id"]) == (200, person["id"])
        assert platform.ask(path, method="POST", Authorization="Bearer nonsense").status == 401


def test_an_ended_session_stays_ended_when_the_file_changes(platform, person):
    """Another issuer has its own verifier, which must know the sessions that ended before it was created."""
    assert platform.ask("/api/auth/logout", {"refresh_token": person["refresh"]}).status == 204
    good = platform.file.read_text()
    assert good.count("audience: martlet") == 1
    try:
        platform.file.write_text(good.replace("audience: martlet", "audience: martlet, leeway: 7s"))
        assert platform.administer("/reload", method="POST").status == 200
        assert report(platform, person) == (401, "session_ended")
    finally:
        platform.file.write_text(good)
        assert platform.administer("/reload", method="POST").status == 200
