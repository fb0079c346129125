"""Starts the gRPC server and, in front of it, the built binary and Envoy, on free ports."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import google.api.http_pb2
import pytest
from grpc_tools import protoc
from processes import MARTLET, free_port, stop

HERE = Path(__file__).parent
ENVOY = Path(sys.executable).parent / "envoy"
SECRET = "a secret that only this test and its gateway know"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    # Whether the body ended as announced.
    is_whole: bool = True

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Peer:
    """A running transcoder."""

    port: int

    def ask(self, method: str, path: str, body: bytes | str | None = None, headers: dict | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if isinstance(body, str):
                body = body.encode()
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            is_whole = True
            try:
                content = response.read()
            except http.client.IncompleteRead as error:
                content, is_whole = error.partial, False
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content, is_whole)
        finally:
            connection.close()


@dataclass
class Peers:
    martlet: Peer
    envoy: Peer
    work: Path


class Processes:
    def __init__(self, work: Path):
        self.work = work
        self.running: list[subprocess.Popen] = []

    def start(self, command: list, port: int) -> subprocess.Popen:
        log = self.work / f"{len(self.running)}.log"
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        with open(log, "wb") as out:
            process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out, cwd=self.work, env=environment)
        self.running.append(process)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return process
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{command[0]} does not listen:\n{log.read_text()}")

    def stop(self) -> None:
        stop(*self.running)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the descriptors and the generated modules."""
    work = tmp_path_factory.mktemp("transcoding")
    googleapis = Path(google.api.http_pb2.__file__).parent.parent.parent
    own = Path(protoc.__file__).parent / "_proto"
    status = protoc.main([
        "protoc", f"-I{HERE}", f"-I{googleapis}", f"-I{own}", "--include_imports",
        f"--descriptor_set_out={work / 'library.pb'}", f"--python_out={work}", f"--grpc_python_out={work}",
        "library.proto"])
    assert status == 0
    return work


@pytest.fixture(scope="session")
def processes(work: Path):
    processes = Processes(work)
    try:
        yield processes
    finally:
        processes.stop()


@pytest.fixture(scope="session")
def peers(work: Path, processes: Processes) -> Peers:
    server, martlet, envoy = free_port(), free_port(), free_port()
    (work / "gateway.yaml").write_text(f"""
upstreams:
  library: {{endpoints: ["http://127.0.0.1:{server}"]}}
routes:
  - prefix: /v1
    grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library]}}
    body_limit: 1MiB
    timeouts: {{total: 10s}}
  - prefix: /library.v1.Library
    grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library]}}
  - prefix: /titles
    rewrite: {{strip_prefix: /titles}}
    grpc:
      upstream: library
      descriptors: {work}/library.pb
      services: [library.v1.Titles, library.v1.Library]
      unknown_fields: reject
      default_values: true
      proto_names: true
  - prefix: /private
    rewrite: {{strip_prefix: /private}}
    grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library]}}
    authentication:
      jwt: {{issuer: tests, keys: [{{algorithm: HS256, secret: "{SECRET}"}}]}}
    rate_limit: [{{by: user, requests: 2, per: 1h}}]
  - prefix: /small
    rewrite: {{strip_prefix: /small}}
    grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library], maximum_message: 1KiB}}
  - prefix: /short
    rewrite: {{strip_prefix: /short}}
    grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library]}}
    timeouts: {{total: 700ms}}
""")
    text = (HERE / "envoy.yaml").read_text()
    for name, value in (("port", envoy), ("server", server), ("descriptors", work / "library.pb")):
        text = text.replace(f"{{{name}}}", str(value))
    (work / "envoy.yaml").write_text(text)
    processes.start([sys.executable, HERE / "library_server.py", server, work], server)
    processes.start(
        [MARTLET, "serve", "--port", martlet, "--data-dir", work / "data", "--gateway-file", work / "gateway.yaml"], martlet)
    processes.start(
        [ENVOY, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", work / "envoy.yaml"], envoy)
    return Peers(Peer(martlet), Peer(envoy), work)
