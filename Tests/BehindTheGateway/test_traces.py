"""The spans of a request, as received by an OpenTelemetry collector."""

import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from conftest import Platform
from processes import MARTLET, free_port

PARENT = "b7ad6b7169203331"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector:
    """Receives OTLP over HTTP. Responds with 503 while set to fail."""

    def __init__(self) -> None:
        self.spans: list[dict] = []
        """Those that came while it was down."""
        self.refused: list[dict] = []
        self.is_down = False
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
                spans = collector.refused if collector.is_down else collector.spans
                for resource in body["resourceSpans"]:
                    names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
                    for scope in resource["scopeSpans"]:
                        spans += [span | {"service": names["service.name"]} for span in scope["spans"]]
                self.send_response(503 if collector.is_down else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def wait_for(self, service: str, path_or_route: str) -> dict:
        return self.wait_among(self.spans, service, path_or_route)

    def wait_among(self, spans: list[dict], service: str, path_or_route: str) -> dict:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for span in spans:
                if span["service"] == service and path_or_route in json.dumps(span):
                    return span
            time.sleep(0.05)
        raise AssertionError(f"no span of {service} for {path_or_route}: {spans}")


@pytest.fixture(scope="module")
def collector():
    collector = Collector()
    yield collector
    collector.server.shutdown()


@pytest.fixture(params=["1", "0"])
def traced(request, tmp_path, collector):
    port = free_port()
    command = [
        MARTLET, "serve", "--port", str(port), "--data-dir", tmp_path / "data", "--otlp-endpoint", collector.url,
        "--trace-sample", request.param, "--trusted-proxies", "127.0.0.2"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, env=os.environ, stdout=log, stderr=log, cwd=tmp_path)
    platform = Platform(f"http://127.0.0.1:{port}")
    platform.sample = request.param
    platform.stop = lambda: (process.terminate(), process.wait(15))
    try:
        platform.wait_for("/health/ready")
        yield platform
    finally:
        if process.poll() is None:
            platform.stop()


def attributes(span: dict) -> dict:
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def test_request_has_a_span_in_every_service(traced: Platform, collector: Collector) -> None:
    collector.spans.clear()
    path = "/api/products/4711"
    # The sampled flag of a client that is not a trusted proxy is ignored: the operator decides what is recorded.
    flag = "01" if traced.sample == "0" else "00"
    assert traced.ask(path, traceparent=f"00-{TRACE}-{PARENT}-{flag}").status == 404
    # Pending spans are sent before shutdown.
    traced.stop()
    if traced.sample == "0":
        assert collector.spans == []
        return
    gateway, catalog = collector.wait_for("gateway", path), collector.wait_for("catalog", "/api/products/{id}")
    assert gateway["traceId"] == catalog["traceId"] == TRACE
    assert gateway["parentSpanId"] == PARENT
    assert catalog["parentSpanId"] == gateway["spanId"]
    assert gateway["name"] == "GET /api/products" and catalog["name"] == "GET /api/products/{id}"
    assert attributes(gateway)["http.response.status_code"] == "404"
    assert attributes(gateway)["martlet.request_id"] == attributes(catalog)["martlet.request_id"]
    assert int(gateway["startTimeUnixNano"]) <= int(catalog["endTimeUnixNano"]) <= time.time_ns()
    assert int(gateway["endTimeUnixNano"]) - int(gateway["startTimeUnixNano"]) < 10_000_000_000
    assert gateway["status"] == {}


@pytest.mark.parametrize("traced", ["1"], indirect=True)
def test_collector_outage_loses_only_spans(traced: Platform, collector: Collector) -> None:
    collector.is_down = True
    try:
        assert traced.ask("/api/products/1").status == 404
        collector.wait_among(collector.refused, "gateway", "/api/products/1")
    finally:
        collector.is_down = False
    assert traced.ask("/api/products/77").status == 404
    collector.wait_for("gateway", "/api/products/77")
    assert not any("/api/products/1\"" in json.dumps(span) for span in collector.spans)
