"""Upstreams that crash, hang, send invalid responses or do not accept connections."""

import asyncio
import signal
import socket
import time

import pytest

from wire import Cut, Connection, Load, ask, until


def test_a_killed_endpoint_costs_no_read(gateway, upstream):
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


def test_a_hung_upstream_is_told_in_time_and_left_alone_until_it_is_back(gateway, upstream):
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
            status, seconds = await timed()
            assert status == 504 and 0.45 < seconds < 2, (status, seconds)
        # The breaker is open: requests fail immediately.
        status, seconds = await timed()
        assert status == 503 and seconds < 0.4, (status, seconds)
        hung.signal(signal.SIGCONT)
        deadline = time.monotonic() + 10
        while (await timed())[0] != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    asyncio.run(run())


@pytest.mark.parametrize("how", ["length", "chunks", "chunk", "reset"])
def test_half_a_body_is_never_a_whole_answer(gateway, upstream, how):
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{upstream().url}"]}}}}
routes: [{{prefix: /, upstream: u}}]
""")

    async def run():
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

    asyncio.run(run())


def test_half_a_head_is_502(gateway, upstream):
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{upstream().url}"]}}}}
routes: [{{prefix: /, upstream: u}}]
""")
    answer = asyncio.run(ask(running.port, "/half/head"))
    assert answer.status == 502 and answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("which", range(12))
def test_garbage_is_502(gateway, upstream, which):
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{upstream().url}"]}}}}
routes: [{{prefix: /, upstream: u}}]
""")

    async def run():
        connection = await Connection.open(running.port)
        answer = await connection.ask(f"/garbage/{which}", timeout=5)
        assert answer.status == 502, answer
        assert answer.json["code"] == "bad_gateway"
        # The client's connection is not affected.
        assert (await connection.ask("/hello")).status == 200

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


def test_an_upstream_that_does_not_accept_is_told_in_time(gateway, full):
    running = gateway(f"""
upstreams:
  u: {{endpoints: ["{full}"], breaker: {{failures: 2, open_for: 1m, maximum_ejected: 100}}}}
routes: [{{prefix: /, upstream: u, timeouts: {{connect: 500ms}}}}]
""")
    for expected in (504, 504, 503):
        started = time.monotonic()
        status = asyncio.run(ask(running.port, "/hello")).status
        seconds = time.monotonic() - started
        assert (status, seconds < 1.5) == (expected, True), (status, seconds)


def test_an_endpoint_that_does_not_accept_is_passed_over(gateway, upstream, full):
    running = gateway(f"""
upstreams:
  u: {{endpoints: ["{full}", "{upstream().url}"], breaker: {{failures: 2, open_for: 1m}}}}
routes: [{{prefix: /, upstream: u, timeouts: {{connect: 500ms}}}}]
""")

    async def run():
        # Any request can be retried, because nothing of it has been sent.
        for _ in range(6):
            assert (await ask(running.port, "/hello", method="POST", body=b"x")).status == 200
        # The breaker is open by now.
        started = time.monotonic()
        for _ in range(10):
            assert (await ask(running.port, "/hello")).status == 200
        assert time.monotonic() - started < 1

    asyncio.run(run())


def test_an_upstream_that_answers_503_is_not_buried(gateway, upstream):
    failing = upstream()
    running = gateway(f"""
upstreams: {{u: {{endpoints: ["{failing.url}"]}}}}
routes: [{{prefix: /, upstream: u, retry: {{attempts: 3, backoff: 1ms}}}}]
""")

    async def run():
        async with Load(running.port, "/status/503", clients=4) as load:
            await asyncio.sleep(60)
        return load

    load = asyncio.run(run())
    assert load.lost == [] and set(load.statuses) == {503} and load.count >= 2000, load.statuses
    assert load.count < len(failing.requests) <= 1.1 * load.count


def test_a_post_whose_upstream_died_after_reading_it_is_sent_once(gateway, upstream):
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
