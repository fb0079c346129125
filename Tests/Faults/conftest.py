"""Starts gateways and upstreams as processes on free loopback ports, and stops them by process id."""

import asyncio
import os
import secrets
import sys
from pathlib import Path

import pytest
from processes import MARTLET, free_port

from chaos import Platform, PostgresData, SQLiteData
from process import Process
from servers import Postgres, Redis
from wire import ask

HERE = Path(__file__).parent


class Upstream(Process):
    def __init__(self, folder: Path, name: str):
        self.port, self.record = free_port(), folder / f"{name}.requests"
        super().__init__([sys.executable, HERE / "upstream.py", self.port, name, self.record], folder / f"{name}.log")
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        super().start()
        self.wait_for(self.port)

    @property
    def requests(self) -> list[str]:
        """The requests received, in order: `GET /hello`."""
        return self.record.read_text().splitlines() if self.record.exists() else []


class Gateway(Process):
    def __init__(self, folder: Path, configuration: str):
        self.port, self.folder, self.file = free_port(), folder, folder / "gateway.yaml"
        self.write(configuration)
        super().__init__(
            [MARTLET, "serve", "--only", "gateway", "--gateway-file", self.file, "--port", self.port,
             "--data-dir", folder / "data"], folder / "gateway.log")

    def write(self, configuration: str) -> None:
        """Replaces the file atomically, as editors and Kubernetes do."""
        new = self.file.with_suffix(".new")
        new.write_text(configuration)
        new.rename(self.file)

    def start(self) -> None:
        super().start()
        self.wait_for(self.port)
        assert asyncio.run(ask(self.port, "/health/live")).status == 200

    def start_again(self) -> None:
        """Like ``start``, for use in a running event loop."""
        super().start()
        self.wait_for(self.port)

    @property
    def memory(self) -> int:
        """The resident memory, in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def upstream(tmp_path):
    """Starts upstreams by name."""
    started = []

    def start(name: str = "a") -> Upstream:
        upstream = Upstream(tmp_path, name)
        started.append(upstream)
        upstream.start()
        return upstream

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def gateway(tmp_path):
    """Starts gateways with a configuration."""
    started = []

    def start(configuration: str) -> Gateway:
        folder = tmp_path / f"gateway-{len(started)}"
        folder.mkdir()
        gateway = Gateway(folder, configuration)
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for process in started:
        died = process.process is not None and process.process.poll() not in (None, 0)
        process.kill()
        assert not died, process.log.read_text(errors="replace")[-2000:]


@pytest.fixture
def redis(tmp_path):
    process = Redis(tmp_path)
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL that tests may stop and start."""
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def sqlite_platform(tmp_path):
    """A platform without processes yet. On SQLite there may be one at a time."""
    yield from running(Platform(SQLiteData(tmp_path), tmp_path))


@pytest.fixture
def postgres_platform(tmp_path, postgres):
    yield from running(Platform(PostgresData(postgres, f"chaos_{secrets.token_hex(4)}"), tmp_path))


@pytest.fixture(params=["sqlite", "postgres"])
def platform(request):
    """A platform on each database."""
    return request.getfixturevalue(f"{request.param}_platform")


def running(platform: Platform):
    yield platform
    platform.kill()
