"""The administration of the gateway, on its own listener."""

import json

import pytest

PATHS = ["/state", "/configuration", "/endpoints/drain", "/endpoints/undrain", "/drain", "/undrain", "/reload"]


def test_token_holder_sees_routes_and_endpoints(platform):
    answer = platform.administer("/state")
    assert answer.status == 200
    routes = {route["name"]: route for route in answer.json["routes"]}
    assert routes["/reports"]["is_authenticated"] and not routes["/legacy"]["is_authenticated"]
    upstreams = {upstream["name"]: upstream["endpoints"] for upstream in answer.json["upstreams"]}
    (endpoint,) = upstreams["reports"]
    assert endpoint["is_healthy"] is True and endpoint["breaker"] == "closed" and endpoint["is_drained"] is False
    assert answer.json["is_draining"] is False and answer.json["limits"]["clients_remembered"] == 0
    # No configured secret is shown.
    assert platform.admin_token not in json.dumps(answer.json)


@pytest.mark.parametrize("path", PATHS)
def test_requests_without_the_token_are_refused(platform, path):
    method = "GET" if path in ("/state", "/configuration") else "POST"
    wrong = "0" * len(platform.admin_token)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {wrong}"},
                    {"Authorization": f"Basic {platform.admin_token}"},
                    {"Authorization": f"Bearer {platform.admin_token}0"}):
        answer = platform.ask(platform.admin_url + path, method=method, **headers)
        assert answer.status == 401 and answer.json["code"] == "not_authenticated"
    # It is not on the public listener.
    assert platform.ask("/api" + path, method=method).status == 404


def test_invalid_requests_are_problems(platform):
    for method, path, status in [("GET", "/nothing", 404), ("POST", "/state", 405), ("GET", "/reload", 405),
                                 ("DELETE", "/configuration", 405)]:
        answer = platform.administer(path, method=method)
        assert answer.status == status and answer.headers["Content-Type"] == "application/problem+json", path
    for body, status in [(None, 400), ({}, 422), ({"upstream": "reports"}, 422),
                         ({"upstream": "reports", "url": "nonsense"}, 422),
                         ({"upstream": "nobody", "url": "http://127.0.0.1:1"}, 404),
                         ({"upstream": "reports", "url": "http://127.0.0.1:1"}, 404)]:
        assert platform.administer("/endpoints/drain", body, method="POST").status == status, body


def test_endpoint_stays_drained_across_a_reload(platform):
    state = platform.administer("/state").json
    (endpoint,) = next(upstream["endpoints"] for upstream in state["upstreams"] if upstream["name"] == "legacy")
    target = {"upstream": "legacy", "url": endpoint["url"]}
    assert platform.ask("/legacy/health").status == 200
    assert platform.administer("/endpoints/drain", target).status == 200
    try:
        assert platform.ask("/legacy/health").status == 503
        assert platform.administer("/reload", method="POST").status == 200
        assert platform.ask("/legacy/health").status == 503
        assert platform.ask("/reports/health").status == 200
        assert '"is_drained": true' in json.dumps(platform.administer("/state").json)
    finally:
        assert platform.administer("/endpoints/undrain", target).status == 200
    assert platform.ask("/legacy/health").status == 200


def test_draining_gateway_is_not_ready(platform):
    assert platform.ask("/health/ready").status == 200
    assert platform.administer("/drain", method="POST").json["is_draining"] is True
    try:
        answer = platform.ask("/health/ready")
        assert answer.status == 503 and answer.json["status"] == "unavailable"
        # It still responds.
        assert platform.ask("/legacy/health").status == 200
    finally:
        assert platform.administer("/undrain", method="POST").json["is_draining"] is False
    assert platform.ask("/health/ready").status == 200


def test_the_configuration_in_force_is_shown_without_secrets(platform):
    good = platform.file.read_text()
    secret = "a secret that nobody may see, of 32 bytes or more"
    try:
        platform.file.write_text(good + f"""
  - path: /shown
    respond: {{body: shown}}
    authentication: {{jwt: {{keys: [{{algorithm: HS256, secret: "{secret}"}}]}}}}
""")
        assert platform.administer("/reload", method="POST").status == 200
        answer = platform.administer("/configuration")
        assert answer.json["file"] == str(platform.file)
        route = answer.json["content"]["routes"][-1]
        assert route["path"] == "/shown" and route["authentication"]["jwt"]["keys"][0]["secret"] == "***"
        assert secret not in json.dumps(answer.json)
        assert secret not in json.dumps(platform.administer("/state").json)
    finally:
        platform.file.write_text(good)
        assert platform.administer("/reload", method="POST").status == 200


def test_failed_reload_reports_errors_and_changes_nothing(platform):
    good = platform.file.read_text()
    try:
        platform.file.write_text(good + "\n  - {path: /wrong, upstream: nowhere}\nbananas: 1\n")
        answer = platform.administer("/reload", method="POST")
        assert answer.status == 422 and answer.json["code"] == "invalid_gateway_file"
        messages = [error["message"] for error in answer.json["errors"]]
        assert len(messages) == 2
        assert any("there is no upstream 'nowhere'" in message for message in messages)
        assert any("bananas" in message for message in messages)
        assert "nowhere" not in json.dumps(platform.administer("/configuration").json)
        assert platform.ask("/legacy/health").status == 200
    finally:
        platform.file.write_text(good)
        assert platform.administer("/reload", method="POST").status == 200
