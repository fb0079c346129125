"""A Redis, and the programs of the guide as processes of their own, each with its own database."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from shutil import copy, copytree

import pytest
from processes import free_port, stop
from redis import Redis, RedisError

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}


def until(holds, within: float = 30):
    """Waits for a true value, and returns it."""
    deadline = time.monotonic() + within
    while not (value := holds()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return value


class Program:
    """A program of the guide. It is started again as often as the test kills it."""

    def __init__(self, name: str, folder: Path, redis_url: str, *command: str | Path):
        self.command = command
        self.folder = folder
        self.environment = ENVIRONMENT | {"REDIS_URL": redis_url, "RATINGS_DATABASE": str(folder / "ratings.sqlite")}
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen | None = None

    def start(self, **variables: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=self.folder, env=self.environment | variables, stdout=log, stderr=log)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def die(self, **moment: str) -> None:
        """Runs until it has killed itself."""
        self.start(**moment)
        assert self.process.wait(30) == -9, self.log.read_text()

    def manage(self, *arguments: str) -> str:
        """Runs a command of the project."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def call(program: Program, path: str, body: dict | None = None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(program.url + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def users(ratings: Program) -> list[str] | None:
    """Those that the FastAPI service knows; nothing while it does not answer."""
    try:
        return call(ratings, "/ratings/users")
    except OSError:
        return None


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """The address of a Redis that remembers nothing."""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder], stdout=log)
    try:
        client = Redis(port=port)

        def answers() -> bool:
            try:
                return client.ping()
            except RedisError:
                return False

        until(answers)
        yield f"redis://127.0.0.1:{port}"
    finally:
        stop(server)


@pytest.fixture(scope="module")
def ratings(redis, tmp_path_factory):
    """The FastAPI service."""
    folder, port = tmp_path_factory.mktemp("ratings"), free_port()
    for name in ("martlet_events.py", "ratings.py"):
        copy(PROGRAMS / name, folder)
    program = Program(
        "ratings", folder, redis, "-m", "uvicorn", "ratings:app", "--port", str(port), "--log-level", "warning")
    program.url = f"http://127.0.0.1:{port}"
    yield program
    program.kill()


@pytest.fixture(scope="module")
def moderation(redis, tmp_path_factory):
    """The Django project, made as the guide says."""
    folder = tmp_path_factory.mktemp("moderation")
    program = Program("moderation", folder, redis, "manage.py", "events")
    subprocess.run([sys.executable, "-m", "django", "startproject", "project", "."], cwd=folder, check=True)
    program.manage("startapp", "moderation")
    copy(PROGRAMS / "martlet_events.py", folder)
    copytree(PROGRAMS / "moderation", folder / "moderation", dirs_exist_ok=True)
    with (folder / "project" / "settings.py").open("a") as settings:
        settings.write('INSTALLED_APPS += ["moderation"]\n')
    program.manage("makemigrations", "moderation")
    program.manage("migrate")
    yield program
    program.kill()
