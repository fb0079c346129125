"""Packages that depend on Martlet: built, run, and called."""

import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from processes import free_port, stop

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "seven-green-teapots"


def build(package: Path, program: str) -> Path:
    """Builds a package and runs its tests. It uses Martlet's build folder, where most of it is already compiled."""
    # The same versions of the dependencies, so that nothing is fetched or compiled again.
    shutil.copy(ROOT / "Package.resolved", package)
    swift = ["--package-path", str(package), "--scratch-path", str(ROOT / ".build")]
    run("swift", "build", *swift, "--build-tests")
    tests = ROOT / ".build" / "debug" / f"{program}PackageTests.xctest"
    run(str(tests), "--testing-library", "swift-testing")
    return ROOT / ".build" / "debug" / program


def run(*command: str | Path, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


class Platform:
    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"
        self.token = None

    def call(self, method: str, path: str, body=None) -> tuple[int, dict]:
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or "{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or "{}")

    def sign_in(self, username: str = "admin", password: str = PASSWORD) -> None:
        self.token = None
        status, answer = self.call("POST", "/api/auth/login", {"username": username, "password": password})
        assert status == 200, answer
        self.token = answer["access_token"]


@contextmanager
def running(program: Path, folder: Path, **settings: str):
    """Runs a platform until the block ends."""
    port = free_port()
    environment = {"MARTLET_ADMIN_PASSWORD": PASSWORD, "PATH": "/usr/bin:/bin"} | settings
    log = folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [program, "serve", "--port", str(port), "--data-dir", folder / "data"],
            stdout=subprocess.PIPE, stderr=errors, env=environment, text=True, cwd=folder,
        )
    # A platform that hangs is ended, which ends its output.
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        # The line with the address appears when every server listens.
        for line in process.stdout:
            if "Martlet is at" in line:
                break
        else:
            raise AssertionError(f"{program} ended with {process.wait()}:\n{log.read_text()[-3000:]}")
        watchdog.cancel()
        platform = Platform(port)
        platform.sign_in()
        yield platform
    finally:
        watchdog.cancel()
        stop(process)
