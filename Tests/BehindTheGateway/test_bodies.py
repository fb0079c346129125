"""Bodies without a length, for a service that needs one."""

import http.client
import json
import subprocess
from urllib.parse import urlsplit


def upload_in_chunks(platform, pieces: list[bytes]) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(urlsplit(platform.url).netloc, timeout=10)
    headers = {"Content-Type": "application/octet-stream"}
    connection.request("POST", "/legacy/upload", body=iter(pieces), headers=headers, encode_chunked=True)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_chunked_bodies_get_a_length(platform):
    assert upload_in_chunks(platform, [b"hello", b" world"]) == (200, {"count": 11, "length": "11"})
    assert upload_in_chunks(platform, [b"x" * 1000] * 50) == (200, {"count": 50_000, "length": "50000"})


def test_endless_chunked_bodies_are_refused(platform):
    status, problem = upload_in_chunks(platform, [b"x" * 1000] * 80)
    assert (status, problem["code"]) == (413, "body_too_large")


def test_http2_bodies_get_a_length(platform):
    command = ["curl", "--silent", "--http2-prior-knowledge", "--max-time", "10", "--request", "POST",
               "--header", "Content-Type: application/octet-stream", "--upload-file", "-", platform.url + "/legacy/upload"]
    answer = subprocess.run(command, input=b"x" * 40_000, stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(answer) == {"count": 40_000, "length": "40000"}


def test_health_checks_send_the_services_host(platform):
    state = platform.administer("/state").json
    endpoints = [endpoint for upstream in state["upstreams"] if upstream["name"] == "legacy"
                 for endpoint in upstream["endpoints"]]
    assert [endpoint["is_healthy"] for endpoint in endpoints] == [True]
