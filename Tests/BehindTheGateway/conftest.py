"""Starts Martlet and both services on free ports, and stops them by process id."""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import MARTLET, free_port, stop

HERE = Path(__file__).parent


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    json: dict


@dataclass
class Platform:
    url: str
    token: str = ""
    admin_url: str = ""
    admin_token: str = ""
    """The gateway's file."""
    file: Path | None = None

    def ask(self, path: str, body: dict | None = None, method: str | None = None, **headers: str) -> Answer:
        url = path if path.startswith("http") else self.url + path
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, headers=headers, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            response = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return Answer(response.status, dict(response.headers), json.loads(response.read() or b"{}"))

    def administer(self, path: str, body: dict | None = None, method: str | None = None) -> Answer:
        return self.ask(self.admin_url + path, body, method, Authorization=f"Bearer {self.admin_token}")

    def wait_for(self, path: str) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if self.ask(path).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(path)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory):
    work = tmp_path_factory.mktemp("martlet")
    port, reports, legacy, admin = free_port(), free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    jwks = f"{url}/.well-known/jwks.json"
    (work / "gateway.yaml").write_text(f"""
upstreams:
  reports: {{endpoints: ["http://127.0.0.1:{reports}"], health: {{path: /reports/health}}}}
  legacy:
    endpoints: ["http://127.0.0.1:{legacy}"]
    host: legacy.example.org
    health: {{path: /legacy/health}}
    request_body: {{buffered: 64KiB}}
    keep_alive: {{idle: 1s}}
routes:
  - {{prefix: /reports/health, upstream: reports}}
  - prefix: /reports
    upstream: reports
    authentication: {{jwt: {{issuer: martlet, audience: martlet, jwks: "{jwks}"}}}}
  - {{prefix: /legacy, upstream: legacy}}
""")
    password = secrets.token_urlsafe(18)
    environment = os.environ | {
        # The clock of the services is five seconds slow.
        "SERVICES_CLOCK_BEHIND": "5",
        "JWKS_URL": jwks, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1",
        "MARTLET_ADMIN_EMAIL": "admin@example.org", "MARTLET_ADMIN_PASSWORD": password}
    commands = [
        [MARTLET, "serve", "--port", str(port), "--data-dir", work / "data", "--gateway-file", work / "gateway.yaml",
         "--admin-listen", str(admin)],
        [sys.executable, "-m", "uvicorn", "fastapi_service:app", "--port", str(reports), "--log-level", "warning"],
        [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{legacy}", "--log-level", "warning",
         "django_service:application"],
    ]
    processes = []
    try:
        for command in commands:
            with open(work / f"{len(processes)}.log", "wb") as log:
                processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=work))
        platform = Platform(url, admin_url=f"http://127.0.0.1:{admin}", file=work / "gateway.yaml")
        for path in ("/health/ready", "/reports/health", "/legacy/health"):
            platform.wait_for(path)
        login = platform.ask("/api/auth/login", {"email": "admin@example.org", "password": password})
        platform.token = login.json["access_token"]
        platform.admin_token = (work / "data" / "admin.token").read_text()
        assert (work / "data" / "admin.token").stat().st_mode & 0o777 == 0o600
        yield platform
    finally:
        stop(*processes)
