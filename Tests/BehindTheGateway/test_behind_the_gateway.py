"""The guide docs/guides/behind-the-gateway.md, tested with the real libraries."""

import re
import secrets

import pytest

SERVICES = ["/reports/me", "/legacy/me"]
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("path", SERVICES)
def test_services_accept_martlets_tokens(platform, path):
    answer = platform.ask(path, Authorization=f"Bearer {platform.token}")
    assert answer.status == 200, answer
    assert str(answer.json["user"]) == "1"


def sign_in(platform, permissions=()):
    name = f"person{secrets.token_hex(6)}"
    password = "Quartz-umbrella-73-vivid"
    user = platform.ask("/api/users", {
        "email": f"{name}@example.org", "username": name, "password": password, "permissions": list(permissions),
    }, Authorization=f"Bearer {platform.token}")
    assert user.status == 201, user
    login = platform.ask("/api/auth/login", {"username": name, "password": password})
    return user.json["id"], login.json["access_token"], login.json["refresh_token"]


@pytest.mark.parametrize("path", SERVICES)
def test_services_with_a_slow_clock_accept_new_tokens(platform, path):
    _, token, _ = sign_in(platform)
    answer = platform.ask(path, Authorization=f"Bearer {token}")
    assert answer.status == 200, answer


def test_django_sees_id_and_permissions(platform):
    number, token, _ = sign_in(platform, ["catalog.add_product"])
    answer = platform.ask("/legacy/me", Authorization=f"Bearer {token}").json
    assert answer["user"] == number
    assert (answer["may_add"], answer["may_all"], answer["may_in_catalog"]) == (True, False, True)
    superuser = platform.ask("/legacy/me", Authorization=f"Bearer {platform.token}").json
    assert superuser["user"] == 1 and superuser["may_all"]
    _, nobody, _ = sign_in(platform)
    answer = platform.ask("/legacy/me", Authorization=f"Bearer {nobody}").json
    assert (answer["may_add"], answer["may_all"], answer["may_in_catalog"]) == (False, False, False)


def test_fastapi_sees_permissions_and_superusers_have_all(platform):
    _, seller, _ = sign_in(platform, ["catalog.add_product"])
    _, nobody, _ = sign_in(platform)
    for token, may_add in ((seller, True), (nobody, False), (platform.token, True)):
        assert platform.ask("/reports/me", Authorization=f"Bearer {token}").json["may_add"] is may_add


def test_only_the_gateway_rejects_ended_sessions(platform):
    _, token, refresh = sign_in(platform)
    assert platform.ask("/api/auth/logout", {"refresh_token": refresh}).status == 204
    assert platform.ask("/legacy/me", Authorization=f"Bearer {token}").status == 200
    assert platform.ask("/reports/me", Authorization=f"Bearer {token}").status == 401


@pytest.mark.parametrize("path", SERVICES)
def test_invalid_tokens_are_rejected(platform, path):
    assert platform.ask(path).status == 401
    head, claims, signature = platform.token.split(".")
    unsigned = "eyJhbGciOiJub25lIn0." + claims + "."
    forged = f"{head}.{claims}.{signature[:-4]}AAAA"
    for token in (unsigned, forged, "x"):
        assert platform.ask(path, Authorization=f"Bearer {token}").status == 401, token


@pytest.mark.parametrize("path", SERVICES)
def test_request_ids_and_traces_are_forwarded(platform, path):
    answer = platform.ask(
        path, Authorization=f"Bearer {platform.token}", X_Request_ID="my-request", traceparent=PARENT)
    headers = answer.json["headers"]
    assert headers["x-request-id"] == answer.headers["X-Request-ID"] == "my-request"
    # The same trace, below the gateway's span.
    assert re.fullmatch(r"00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01", headers["traceparent"])
    assert headers["traceparent"] != PARENT
    assert headers["x-real-ip"] == "127.0.0.1"


@pytest.mark.parametrize("path", SERVICES)
def test_clients_cannot_set_identity_headers(platform, path):
    answer = platform.ask(
        path, Authorization=f"Bearer {platform.token}", X_User_Id="999", **{"X-USER-name": "eve", "x-Real-IP": "9.9.9.9"})
    headers = answer.json["headers"]
    assert "999" not in headers.values() and "eve" not in headers.values() and "9.9.9.9" not in headers.values()
    # Set by the gateway on routes where it verifies the token.
    assert headers.get("x-user-id") == ("1" if path.startswith("/reports") else None)
