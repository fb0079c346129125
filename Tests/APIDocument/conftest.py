"""A platform on a free loopback port, with a signed-in administrator."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from processes import MARTLET, free_port, stop

EMAIL, PASSWORD = "admin@example.com", "Quartz-umbrella-73-vivid"


class Platform:
    def __init__(self, port: int, folder: Path):
        self.port, self.folder, self.url, self.token = port, folder, f"http://127.0.0.1:{port}", None

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict | None]:
        """The status and the JSON of a response."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def ready(self) -> bool:
        try:
            return self.call("GET", "/health/ready")[0] == 200
        except OSError:
            return False


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    platform = Platform(free_port(), folder)
    variables = {"MARTLET_ADMIN_EMAIL": EMAIL, "MARTLET_ADMIN_PASSWORD": PASSWORD}
    log = folder / "martlet.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [MARTLET, "serve", "--port", str(platform.port), "--data-dir", folder / "data"], stdout=output,
            stderr=output, env=os.environ | variables)
    try:
        deadline = time.monotonic() + 60
        while not platform.ready():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.05)
        status, tokens = platform.call("POST", "/api/auth/login", {"email": EMAIL, "password": PASSWORD})
        assert status == 200, tokens
        platform.token = tokens["access_token"]
        yield platform
        # No input may cause an internal error.
        assert platform.ready()
        errors = [line for line in log.read_text(errors="replace").splitlines() if '"level":"error"' in line]
        assert not errors, errors[:5]
    finally:
        stop(process, within=20)


@pytest.fixture(scope="session")
def document(platform) -> dict:
    return platform.call("GET", "/openapi.json")[1]


@pytest.fixture(scope="session")
def client(document, tmp_path_factory):
    """The package that openapi-python-client generates from the document."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(document))
    # Without formatters, which would have to be installed and make no difference.
    (folder / "config.yaml").write_text("post_hooks: []\n")
    made = subprocess.run(
        [Path(sys.executable).parent / "openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none",
         "--config", "config.yaml", "--output-path", "martlet_client", "--fail-on-warning"], cwd=folder,
        capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    import martlet_client
    return martlet_client
