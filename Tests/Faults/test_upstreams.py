"""Upstreams that crash, hang, send invalid responses or do not accept connections."""

import asyncio
import signal
import socket
import time

import pytest

from upstream import GARBAGE
from wire import Cut, Connection, Load, ask, metric, until


def test_killed_endpoint_fails_no_read(gateway, upstream):
    a, b = upstream("a"), upstream("b")
    running = gateway(f"""
upstreams:
  u: {{endpoints: ["{a.url}", "{b.url}"], breaker: {{failures: 3, open_for: 500ms}}}}
routes:
  - {{prefix: /, upstream: u, retry: {{attempts: 2}}}}
""")

    async def run():
        # Slow requests are pending when it happens.
        async with Load(running.port, "/slow/2") as load:
            await load.asked(1000)
            a.kill()
            await load.asked(1500)
            seen = len(a.requests)
            a.start()
            await until(lambda: len(a.requests) > seen + 100, 20)
        return load

    load = asyncio.run(run())
    assert load.lost == [] and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
    # The number of retries is within the budget.
    assert len(a.requests) + len(b.requests) <= 1.1 * load.count


def test_hung_upstream_is_504_then_ejected_until_it_recovers(gateway, upstream):
    hung = upstream()
    running = gateway(f"""
upstreams:
  u:
    endpoints: ["{hung.url}"]
    breaker: {{failures: 3, open_for: 1s, maximum_open_for: 1s, maximum_ejected: 100}}
routes:
  - {{prefix: /, upstream: u, timeouts: {{connect: 500ms, first_byte: 500ms}}}}
""")

    async def timed():
        started = time.monotonic()
        answer = await ask(running.port, "/hello")
        return answer.status, time.monotonic() - started

    async def run():
        assert (await timed())[0] == 200
        hung.signal(signal.SIGSTOP)
        for _ in range(3):
            # By default the first byte has a minute.
            status, seconds = await timed()
            assert status == 504 and seconds > 0.45, (status, seconds)
        # The breaker is open: a request that waited would be 504.
        assert (await timed())[0] == 503
        hung.signal(signal.SIGCONT)

        async def is_back() -> bool:
            return (await timed())[0] == 200

        await until(is_back)

    asyncio.run(run())


def test_truncated_body_is_never_a_complete_response(gateway, upstream):
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{upstream().url}"]}}}}
routes: [{{prefix: /, upstream: u}}]
""")

    async def cut_off(how: str) -> None:
        connection = await Connection.open(running.port)
        assert (await connection.ask("/hello")).status == 200
        with pytest.raises(Cut) as cut:
            await connection.ask(f"/half/{how}", timeout=5)
        assert cut.value.received > 0
        # HTTP/1.0 has no chunks: a client that reads to the end must not see a clean end.
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(f"GET /half/{how} HTTP/1.0\r\nHost: test\r\n\r\n".encode())
        try:
            answer = await asyncio.wait_for(reader.read(), 5)
            assert b"Content-Length: 100" in answer and not answer.endswith(b"x" * 100), answer
        except ConnectionResetError:
            pass
        writer.close()

    for how in ("length", "chunks", "chunk", "reset"):
        asyncio.run(cut_off(how))


def test_truncated_head_is_502(gateway, upstream):
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{upstream().url}"]}}}}
routes: [{{prefix: /, upstream: u}}]
""")
    answer = asyncio.run(ask(running.port, "/half/head"))
    assert answer.status == 502 and answer.headers["content-type"] == "application/problem+json"


def test_garbage_is_502(gateway, upstream):
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{upstream().url}"], breaker: {{failures: 100}}}}}}
routes: [{{prefix: /, upstream: u}}]
""")

    async def run():
        for which in range(len(GARBAGE)):
            connection = await Connection.open(running.port)
            answer = await connection.ask(f"/garbage/{which}", timeout=5)
            assert answer.status == 502, (which, answer)
            assert answer.json["code"] == "bad_gateway"
            # The client's connection is not affected.
            assert (await connection.ask("/hello")).status == 200, which
            connection.close()

    asyncio.run(run())


@pytest.fixture
def full():
    """A listener with a full queue that accepts nothing: further connections get no response at all."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    crowd = []
    while True:
        client = socket.socket()
        client.settimeout(0.3)
        crowd.append(client)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            break
        assert len(crowd) < 16
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    for client in crowd:
        client.close()
    listener.close()


def test_unresponsive_upstream_is_504(gateway, full):
    running = gateway(f"""
upstreams:
  u: {{endpoints: ["{full}"], breaker: {{failures: 2, open_for: 1m, maximum_ejected: 100}}}}
routes: [{{prefix: /, upstream: u, timeouts: {{connect: 500ms}}}}]
""")
    for expected in (504, 504, 503):
        # Without the setting it would be five seconds.
        assert asyncio.run(ask(running.port, "/hello", timeout=4)).status == expected


def test_unresponsive_endpoint_is_skipped(gateway, upstream, full):
    running = gateway(f"""
upstreams:
  u: {{endpoints: ["{full}", "{upstream().url}"], breaker: {{failures: 2, open_for: 1m}}}}
routes: [{{prefix: /, upstream: u, timeouts: {{connect: 500ms}}}}]
""")

    async def run():
        # Any request can be retried, because nothing of it has been sent.
        for _ in range(6):
            assert (await ask(running.port, "/hello", method="POST", body=b"x")).status == 200
        # The breaker is open by now: nothing connects there any more.
        attempts = await metric(running.port, "gateway_upstream_attempts_total")
        assert attempts > 6
        for _ in range(10):
            assert (await ask(running.port, "/hello")).status == 200
        assert await metric(running.port, "gateway_upstream_attempts_total") == attempts + 10

    asyncio.run(run())


def test_retries_do_not_overload_a_failing_upstream(gateway, upstream):
    failing = upstream()
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{failing.url}"]}}}}
routes: [{{prefix: /, upstream: u, retry: {{attempts: 3, backoff: 1ms}}}}]
""")

    async def run():
        async with Load(running.port, "/status/503", clients=4) as load:
            await load.asked(3000, timeout=120)
        return load

    load = asyncio.run(run())
    assert load.lost == [] and set(load.statuses) == {503}, load.statuses
    assert load.count < len(failing.requests) <= 1.1 * load.count


def test_post_is_not_resent_after_the_upstream_has_read_it(gateway, upstream):
    a, b = upstream("a"), upstream("b")
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{a.url}", "{b.url}"]}}}}
routes: [{{prefix: /, upstream: u, retry: {{attempts: 3}}}}]
""")

    async def run():
        connection = await Connection.open(running.port)
        # Only reused connections may be considered stale.
        for _ in range(4):
            assert (await connection.ask("/hello", method="POST", body=b"x")).status == 200
        answer = await connection.ask("/die", method="POST", body=b"x" * 1000)
        assert answer.status == 502
        # Idempotent requests may be retried on the remaining endpoint.
        for _ in range(4):
            assert (await connection.ask("/hello", method="POST", body=b"x")).status == 200

    asyncio.run(run())
    assert (a.requests + b.requests).count("POST /die") == 1
