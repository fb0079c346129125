"""The gateway's state, on its own listener."""

import json


def test_who_has_the_token_sees_routes_and_endpoints(platform):
    answer = platform.ask(f"{platform.admin_url}/state", Authorization=f"Bearer {platform.admin_token}")
    assert answer.status == 200
    routes = {route["name"]: route for route in answer.json["routes"]}
    assert routes["/reports"]["is_authenticated"] and not routes["/legacy"]["is_authenticated"]
    upstreams = {upstream["name"]: upstream["endpoints"] for upstream in answer.json["upstreams"]}
    (endpoint,) = upstreams["reports"]
    assert endpoint["is_healthy"] is True and endpoint["breaker"] == "closed"
    # Nothing of what is configured to be secret.
    assert platform.admin_token not in json.dumps(answer.json)


def test_nobody_else_sees_anything(platform):
    wrong = "0" * len(platform.admin_token)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {wrong}"}):
        assert platform.ask(f"{platform.admin_url}/state", **headers).status == 401
    # It is not on the public listener.
    assert platform.ask("/api/state").status == 404
