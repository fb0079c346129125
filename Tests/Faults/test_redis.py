"""The Redis that counts for two gateways: alive, killed, frozen."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from conftest import Gateway, Process
from processes import free_port
from wire import Load, ask, until


class Redis(Process):
    def __init__(self, folder: Path):
        self.port = free_port()
        super().__init__(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            folder / "redis.log")

    def start(self) -> None:
        super().start()
        self.wait_for(self.port)


@pytest.fixture
def redis(tmp_path):
    process = Redis(tmp_path)
    process.start()
    yield process
    process.kill()


def configuration(redis: Redis, requests: int, per: str) -> str:
    return f"""
redis: {{url: "redis://127.0.0.1:{redis.port}", timeout: 200ms}}
routes:
  - prefix: /
    respond: {{body: hello}}
    rate_limit: [{{by: route, requests: {requests}, per: {per}, shared: true}}]
"""


async def fallbacks(gateway: Gateway) -> int:
    text = (await ask(gateway.port, "/metrics")).body.decode()
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith("gateway_rate_limit_fallbacks_total "))


async def shares(gateway: Gateway) -> bool:
    """Whether Redis counts what the gateway is asked."""
    before = await fallbacks(gateway)
    for _ in range(5):
        await ask(gateway.port, "/")
    return await fallbacks(gateway) == before


async def until_shared(*gateways: Gateway) -> None:
    deadline = time.monotonic() + 20
    for gateway in gateways:
        while not await shares(gateway):
            assert time.monotonic() < deadline, "Redis does not count again"
            await asyncio.sleep(0.05)


def told(gateway: Gateway, message: str) -> int:
    return gateway.log.read_text().count(message)


def test_two_gateways_admit_what_one_would(gateway, redis):
    first, second = (gateway(configuration(redis, 400, "1s")) for _ in range(2))

    async def run():
        await until_shared(first, second)
        # The bucket is full again then.
        await asyncio.sleep(1.1)
        started = time.monotonic()
        async with Load(first.port, "/", clients=8) as one, Load(second.port, "/", clients=8) as other:
            await asyncio.sleep(4)
        return one, other, time.monotonic() - started

    one, other, seconds = asyncio.run(run())
    expected = 400 * (1 + seconds)
    admitted = one.statuses[200] + other.statuses[200]
    assert abs(admitted - expected) <= 0.02 * expected, (admitted, expected)
    assert min(one.statuses[200], other.statuses[200]) > 0
    assert set(one.statuses) == set(other.statuses) == {200, 429} and not one.lost and not other.lost


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_requests_are_answered_without_redis_and_shared_when_it_is_back(gateway, redis, fault):
    first, second = (gateway(configuration(redis, 1_000_000, "1h")) for _ in range(2))

    async def run():
        await until_shared(first, second)
        before = {each: (told(each, "Redis does not count"), told(each, "Redis counts again")) for each in (first, second)}
        async with Load(first.port, "/", clients=8) as one, Load(second.port, "/", clients=8) as other:
            await one.asked(500)
            await other.asked(500)
            redis.kill() if fault == "killed" else redis.signal(signal.SIGSTOP)
            await one.asked(1500)
            await other.asked(1500)
            assert await fallbacks(first) > 500 and await fallbacks(second) > 500
            redis.start() if fault == "killed" else redis.signal(signal.SIGCONT)
            await until_shared(first, second)
        return one, other, before

    one, other, before = asyncio.run(run())
    for load in (one, other):
        assert set(load.statuses) == {200} and not load.lost and not load.refused, (load.statuses, load.lost[:5])
        # Only those that were under way have waited for Redis.
        assert load.percentile(0.98) < 0.1 and max(load.seconds) < 1, (load.percentile(0.98), max(load.seconds))
    for each, (down, up) in before.items():
        # Said once by each process, however many requests there were and however often it tried.
        assert told(each, "Redis does not count") == down + 1
        assert told(each, "Redis counts again") == up + 1
