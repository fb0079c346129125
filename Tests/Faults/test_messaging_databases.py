"""Databases and brokers that stop, forget, or lose connections while events and jobs are under way."""

import signal
import time

import psycopg
import pytest

from chaos import ALL, Clients, Platform, PostgresData, eventually, setting
from servers import Proxy

OUTAGE = setting("outage", 5)


def test_postgres_stops_and_starts_again(postgres_platform, postgres):
    for _ in range(2):
        postgres_platform.add()
    with Clients(postgres_platform) as clients:
        clients.emit(400)
        postgres.stop()
        time.sleep(OUTAGE)
        postgres.start()
        clients.emit(400)
    assert all(instance.process.poll() is None for instance in postgres_platform.instances)
    postgres_platform.settle()


def test_all_backends_are_terminated(postgres_platform, postgres):
    for _ in range(2):
        postgres_platform.add()
    name = postgres_platform.data.name
    with Clients(postgres_platform) as clients:
        for _ in range(int(setting("terminations", 15))):
            clients.emit(60)
            postgres.rows("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        clients.emit(200)
    # No process has died, so nothing waits for a lease to end.
    postgres_platform.settle(timeout=30)


def test_notifications_are_cut_silently(postgres, tmp_path):
    proxy = Proxy(postgres.port, b"LISTEN")
    platform = Platform(PostgresData(postgres, "chaos_cut", proxy.port), tmp_path)
    try:
        for _ in range(2):
            platform.add()
        # One for each service and process.
        eventually("all listen", lambda: len(proxy.marked) == 2 * len(ALL))
        assert proxy.cut_silently() == 2 * len(ALL)
        with Clients(platform) as clients:
            clients.emit(400)
        # The polls find what the notifications would have told.
        platform.settle(timeout=20)
        # The listeners notice within 30 seconds, and listen again.
        if OUTAGE >= 35:
            eventually("all listen again", lambda: len(proxy.marked - proxy.cut) == 2 * len(ALL), 60)
    finally:
        platform.kill()
        proxy.close()


def test_the_answer_to_a_claim_is_lost(postgres, tmp_path):
    """The jobs are claimed, but the process does not know it."""
    proxy = Proxy(postgres.port, b"LISTEN")
    platform = Platform(PostgresData(postgres, "chaos_lost", proxy.port), tmp_path)
    try:
        platform.add()
        proxy.losing = b"note-lost"
        platform.enqueue("note", *[f"note-lost-{number}" for number in range(20)])
        platform.settle(timeout=20)
        assert proxy.losing is None and platform.value("sink", "SELECT max(attempt) FROM jobs_done") == 2
    finally:
        platform.kill()
        proxy.close()


def test_redis_stops_and_starts_empty(postgres_platform, redis):
    postgres_platform.add_apart(redis, "redis")
    with Clients(postgres_platform, jobs=False) as clients:
        clients.emit(400)
        for _ in range(2):
            redis.kill()
            clients.emit(400)
            # It has forgotten everything.
            redis.start()
            clients.emit(400)
    postgres_platform.settle()


def test_redis_is_frozen(postgres_platform, redis):
    postgres_platform.add_apart(redis, "redis")
    with Clients(postgres_platform, jobs=False) as clients:
        clients.emit(400)
        redis.signal(signal.SIGSTOP)
        clients.emit(400)
        time.sleep(OUTAGE)
        redis.signal(signal.SIGCONT)
        clients.emit(400)
    postgres_platform.settle()


def test_a_transaction_stays_open(postgres_platform, postgres):
    """Nothing that is deleted meanwhile can be vacuumed."""
    postgres_platform.add()
    batch = int(setting("jobs", 6000)) // 4
    with psycopg.connect(postgres.url(postgres_platform.data.name)) as held:
        held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        held.execute("SELECT txid_current()")
        seconds = []
        for part in range(4):
            begun = time.monotonic()
            postgres_platform.enqueue("note", *[f"note-{part}-{number}" for number in range(batch)])
            eventually("jobs are done", lambda: not postgres_platform.unfinished, 600)
            seconds.append(time.monotonic() - begun)
        print("seconds for each quarter of the jobs:", seconds)
        assert seconds[-1] < 3 * min(seconds), seconds
        with Clients(postgres_platform) as clients:
            clients.emit(400)
        postgres_platform.settle()


@pytest.mark.parametrize("broker", ["local", "postgres", "redis"])
def test_a_stopped_process_continues_after_its_lease(postgres_platform, postgres, redis, broker):
    if broker == "local":
        stopped = [postgres_platform.add()]
        postgres_platform.add()
    else:
        stopped = postgres_platform.add_apart(redis, broker, ["source", "sink", "source", "sink"])[:2]
    with Clients(postgres_platform) as clients:
        clients.emit(400)
        for process in stopped:
            process.suspend()
        # Others take over what it was doing, after 3 seconds.
        time.sleep(5)
        for process in stopped:
            process.resume()
        clients.emit(400)
    postgres_platform.settle()


def test_a_suspended_process_holds_others_up_for_a_while_only(postgres_platform):
    """It keeps the locks of its transactions until the server ends them after 30 seconds."""
    suspended = postgres_platform.add()
    postgres_platform.add()
    with Clients(postgres_platform) as clients:
        clients.emit(400)
        suspended.suspend()
    postgres_platform.settle(timeout=50)
    suspended.resume()
    postgres_platform.count("subject-1")
    postgres_platform.settle()


def test_what_others_write_wrongly_into_a_stream_holds_nothing_up(postgres_platform, redis):
    _, sink = postgres_platform.add_apart(redis, "redis")
    postgres_platform.count("a")
    for fields in ("nonsense 1", "id x1 source source type source.counted specversion 1.0 subject a data {"):
        redis.ask("XADD", "martlet:events:source", "*", *fields.split())
    postgres_platform.count("a")
    postgres_platform.settle()
    assert "data is not a JSON object" in sink.log.read_text()
