"""Clocks that are wrong, and that are put forward and back."""

import shutil
import subprocess
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from chaos import Clients, Instance, eventually


class Clock:
    """The clock of a process."""

    def __init__(self, library: Path, file: Path):
        self.file = file
        self.set(0)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(file)}

    def set(self, seconds: int) -> None:
        """Puts the clock forward, or back. The file is mapped into the process, so it must stay the same one."""
        with open(self.file, "r+b" if self.file.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))

    @staticmethod
    def seconds_ahead(instance: Instance) -> float:
        """How much the clock of a process is ahead, by the date of its answers."""
        return parsedate_to_datetime(instance.header("Date")).timestamp() - time.time()


@pytest.fixture
def clock(tmp_path):
    library = tmp_path / "clock.so"
    # Swift comes with a compiler for C.
    compiler = shutil.which("clang") or shutil.which("cc")
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
    return lambda name="clock": Clock(library, tmp_path / name)


def check_attempts(platform) -> None:
    """No job was taken away from a process that lives."""
    assert platform.rows("sink", "SELECT max(attempt) FROM jobs_done") == [(1,)]
    assert not any("runs again" in instance.log.read_text() for instance in platform.instances)


def test_processes_with_different_clocks(postgres_platform, clock):
    first = postgres_platform.add()
    eventually("the schedule begins", lambda: postgres_platform.value("sink", "SELECT count(*) FROM schedule_slots") == 1)
    postgres_platform.remove(first)
    # The next slot has been due for a while.
    postgres_platform.rows("sink", "UPDATE schedule_slots SET slot = slot - INTERVAL '2 minutes'")
    for seconds in (-90, 0, 90):
        wrong = clock(f"clock {seconds}")
        wrong.set(seconds)
        instance = postgres_platform.add(**wrong.environment)
        assert abs(wrong.seconds_ahead(instance) - seconds) < 5
    with Clients(postgres_platform) as clients:
        clients.emit(400)
        postgres_platform.enqueue("nap", *[f"nap-{number}" for number in range(8)], milliseconds=4000)
        clients.emit(400)
    postgres_platform.settle()
    assert postgres_platform.value("sink", "SELECT count(*) FROM done WHERE name = 'tick'") >= 1
    check_attempts(postgres_platform)


def test_a_clock_that_is_put_forward_and_back(sqlite_platform, clock):
    """On SQLite, the time is that of the process."""
    wrong = clock()
    instance = sqlite_platform.add(**wrong.environment)
    sqlite_platform.enqueue("nap", *[f"nap-{number}" for number in range(4)], milliseconds=4000)
    with Clients(sqlite_platform) as clients:
        for seconds in (90, -90, 0):
            clients.emit(200)
            wrong.set(seconds)
            eventually("the clock is put", lambda: abs(wrong.seconds_ahead(instance) - seconds) < 5)
        clients.emit(200)
    sqlite_platform.settle()
    check_attempts(sqlite_platform)
