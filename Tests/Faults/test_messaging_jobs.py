"""Jobs and deliveries that do harm, that nobody understands, or that the end of their process interrupts."""

import contextlib
import signal
import threading
import time

import pytest

from chaos import Clients, Instance, eventually, setting


class Supervisor(threading.Thread):
    """Starts processes again that die, until it is stopped."""

    def __init__(self, instances: list[Instance]):
        super().__init__(daemon=True)
        self.instances, self.deaths, self.stopped = instances, 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            for instance in self.instances:
                if instance.process.poll() is not None:
                    self.deaths += 1
                    instance.start()

    def stop(self) -> None:
        self.stopped.set()
        self.join()
        for instance in self.instances:
            instance.wait()


def states(platform) -> dict[str, int]:
    return dict(platform.rows("sink", "SELECT state, count(*) FROM jobs WHERE kind <> 'tick' GROUP BY state"))


def test_a_job_that_kills_its_process_is_dead_at_its_third_attempt(platform, request):
    instances = [platform.add() for _ in range(1 if "sqlite" in request.node.name else 2)]
    # They run whenever the process is killed.
    platform.enqueue("nap", *[f"nap-{number}" for number in range(4)], milliseconds=2000)
    platform.enqueue("note", *[f"note-{number}" for number in range(100)])
    supervisor = Supervisor(instances)
    with contextlib.suppress(ConnectionError):  # The job may end the process before the answer.
        platform.enqueue("crash", "crash")
    try:
        eventually("the job is dead", lambda: platform.rows("sink", "SELECT crashes FROM jobs WHERE state = 'dead'") == [(3,)])
    finally:
        supervisor.stop()
    assert supervisor.deaths == 3
    eventually("all others are done", lambda: states(platform) == {"dead": 1})
    done = [name for (name,) in platform.rows("sink", "SELECT name FROM done")]
    assert sorted(name for name in done if name.startswith("crash")) == ["crash 1", "crash 2", "crash 3"]
    others = [f"nap-{number}" for number in range(4)] + [f"note-{number}" for number in range(100)]
    assert sorted(name for name in done if name[0] == "n") == sorted(others)


def test_a_shutdown_costs_no_attempt(platform):
    instance = platform.add()
    # Some end within the grace of 3 seconds, others do not.
    with Clients(platform) as clients:
        clients.emit(100)
        platform.enqueue("nap", "long-1", "long-2", milliseconds=10_000)
        platform.enqueue("nap", "short-1", "short-2", milliseconds=2500)
        eventually("they run", lambda: platform.rows(
            "sink", "SELECT count(*) FROM jobs WHERE kind = 'nap' AND state = 'running'") == [(4,)])
        instance.signal(signal.SIGTERM)
        assert instance.process.wait(15) == 0
    assert platform.rows("sink", "SELECT kind, state, attempt FROM jobs WHERE kind = 'nap'") == [("nap", "ready", 0)] * 2
    assert platform.rows("sink", "SELECT max(attempt), max(crashes) FROM jobs") == [(0, 0)]
    instance.start()
    instance.wait()
    platform.settle()
    assert platform.rows("sink", "SELECT max(attempt) FROM jobs_done") == [(1,)]


def test_a_payload_that_cannot_be_decoded_blocks_its_lane_only(platform):
    instance = platform.add()
    platform.count("poison", "fine")
    platform.settle()
    instance.kill()
    # The next event of one subject, as something that is no longer what its version says.
    platform.rows(
        "source",
        """
        INSERT INTO outbox (event_id, type, version, subject, sequence, time, data)
        SELECT 'poison-1', 'source.counted', 1, 'poison', number + 1, (SELECT max(time) FROM outbox), '{"subject": 7}'
        FROM subjects WHERE subject = 'poison'
        """)
    platform.rows("source", "UPDATE subjects SET number = number + 1 WHERE subject = 'poison'")
    instance.start()
    instance.wait()
    for _ in range(3):
        platform.count("poison", "fine")
    eventually("it is dead", lambda: states(platform) == {"dead": 1, "blocked": 3})
    assert platform.rows("sink", "SELECT event_id, attempt FROM jobs WHERE state = 'dead'") == [("poison-1", 7)]
    assert platform.numbers("sink", "heard") == {"poison": [1], "fine": [1, 2, 3, 4]}
    # Whoever discards it lets the lane go on.
    (id,), = platform.rows("sink", "SELECT id FROM jobs WHERE state = 'dead'")
    platform.command("jobs", "discard", "sink", id)
    platform.settle()


def test_unknown_kinds_and_newer_versions_are_left_alone(platform):
    platform.add()
    platform.enqueue("note", "note")
    platform.settle()
    for kind, version in (("unknown", 1), ("note", 2)):
        platform.rows(
            "sink",
            f"""
            INSERT INTO jobs (kind, version, queue, priority, state, run_at, data, time)
            SELECT '{kind}', {version}, 'default', 1, 'ready', finished_at, '{{}}', finished_at FROM jobs_done
            WHERE kind = 'note' LIMIT 1
            """)
    platform.enqueue("note", *[f"note-{number}" for number in range(50)])
    eventually("the others are done", lambda: states(platform) == {"ready": 2})
    assert platform.rows("sink", "SELECT kind, attempt FROM jobs ORDER BY id") == [("unknown", 0), ("note", 0)]
    platform.check()


def test_two_versions_of_an_event(postgres_platform, redis):
    """While a new version is rolled out, the old program leaves what only the new one understands."""
    platform = postgres_platform
    source, old = platform.add_apart(redis, "postgres")
    platform.count("a", "b")
    platform.settle()

    source.restart(CHAOS_VERSION="2")
    for _ in range(2):
        platform.count("a", "b")
    # Without the new program the lanes wait, and no attempt is spent.
    eventually("they wait", lambda: states(platform) == {"ready": 2, "blocked": 2})
    eventually("the events of the other type are heard", lambda: sorted(platform.numbers("sink", "noticed")["a"]) == [1, 2, 3])
    assert platform.rows("sink", "SELECT max(attempt) FROM jobs") == [(0,)]

    platform.add(["sink"], old.settings, CHAOS_VERSION="2")
    platform.settle()

    # The new program converts what the old one emits, and so does the rest of the platform go on.
    source.restart(CHAOS_VERSION="1")
    platform.remove(old)
    platform.count("a", "b")
    platform.settle()
    units = platform.rows("sink", "SELECT unit FROM heard WHERE subject = 'a' ORDER BY id")
    assert units == [(None,), ("boxes",), ("boxes",), ("pieces",)]
    assert platform.rows("sink", "SELECT max(attempt) FROM jobs_done") == [(1,)]


def test_many_blocked_jobs_slow_nothing_down(platform):
    """A lane whose first job is dead keeps all later ones."""
    platform.add()
    platform.count("busy")
    platform.settle()

    def seconds(part: str) -> float:
        begun = time.monotonic()
        platform.enqueue("note", *[f"note-{part}-{number}" for number in range(500)])
        with Clients(platform, subjects=8, jobs=False) as clients:
            clients.emit(400)
        eventually("all is done", lambda: set(states(platform)) <= {"blocked", "dead"} and not platform.unpublished)
        return time.monotonic() - begun

    without = seconds("without")
    platform.rows(
        "sink",
        f"""
        INSERT INTO jobs (kind, version, queue, priority, state, run_at, data, event_id, subject, time, lane, place)
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {BLOCKED})
        SELECT 'source.counted', 1, 'events', 5, CASE WHEN n = 1 THEN 'dead' ELSE 'blocked' END, last_time, '{{}}',
            'blocked-' || n, 'busy', last_time, lane, n FROM numbers, lanes WHERE lane = 'source busy'
        """)
    platform.check()
    blocked = seconds("blocked")
    begun = time.monotonic()
    # Also the lane itself receives as before.
    for _ in range(20):
        platform.count("busy")
    eventually("they are received", lambda: states(platform)["blocked"] == BLOCKED + 19)
    receiving = time.monotonic() - begun
    print(f"{without:.1f} s without blocked jobs, {blocked:.1f} s with {BLOCKED}; {receiving:.1f} s to receive more")
    assert blocked < 4 * without + 2 and receiving < 5


BLOCKED = int(setting("blocked", 100_000))
