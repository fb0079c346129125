"""Clocks that are wrong, and that are put forward and back."""

import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from chaos import Clients, Instance, eventually

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
# Only the time of day is wrong: no clock that measures durations can be.
FAKED = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


def seconds_ahead(instance: Instance) -> float:
    """How much the clock of a process is ahead, by the date of its answers."""
    return parsedate_to_datetime(instance.header("Date")).timestamp() - time.time()


def check_attempts(platform) -> None:
    """No job was taken away from a process that lives."""
    assert platform.rows("sink", "SELECT max(attempt) FROM jobs_done") == [(1,)]
    assert not any("runs again" in instance.log.read_text() for instance in platform.instances)


def test_processes_with_different_clocks(postgres_platform):
    first = postgres_platform.add()
    eventually("the schedule begins", lambda: postgres_platform.value("sink", "SELECT count(*) FROM schedule_slots") == 1)
    first.kill()
    # The next slot has been due for a while.
    postgres_platform.rows("sink", "UPDATE schedule_slots SET slot = slot - INTERVAL '2 minutes'")
    for offset in (-90, 0, 90):
        instance = postgres_platform.add(FAKETIME=f"{offset:+}s", **FAKED)
        assert abs(seconds_ahead(instance) - offset) < 5
    with Clients(postgres_platform) as clients:
        clients.emit(600)
        postgres_platform.enqueue("nap", *[f"nap-{number}" for number in range(8)], milliseconds=4000)
        clients.emit(600)
    postgres_platform.settle()
    assert postgres_platform.value("sink", "SELECT count(*) FROM done WHERE name = 'tick'") >= 1
    check_attempts(postgres_platform)


def test_a_clock_that_jumps(sqlite_platform, tmp_path):
    """On SQLite, the time is that of the process."""
    clock = tmp_path / "clock"
    clock.write_text("+0s")
    instance = sqlite_platform.add(FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1", **FAKED)
    sqlite_platform.enqueue("nap", *[f"nap-{number}" for number in range(4)], milliseconds=4000)
    with Clients(sqlite_platform) as clients:
        for offset in (90, -90, 0):
            clients.emit(200)
            clock.write_text(f"{offset:+}s")
            eventually("the clock is put", lambda: abs(seconds_ahead(instance) - offset) < 5)
        clients.emit(200)
    sqlite_platform.settle()
    check_attempts(sqlite_platform)
