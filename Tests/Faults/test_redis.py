"""The Redis with the shared counts of two gateways: running, killed, frozen."""

import asyncio
import signal

import pytest

from conftest import Gateway
from servers import Redis
from wire import Load, ask, metric, until


def configuration(redis: Redis, requests: int, per: str) -> str:
    return f"""
redis: {{url: "redis://127.0.0.1:{redis.port}", timeout: 200ms}}
routes:
  - prefix: /
    respond: {{body: hello}}
    rate_limit: [{{by: route, requests: {requests}, per: {per}, shared: true}}]
  - prefix: /probe
    respond: {{body: hello}}
    rate_limit: [{{by: route, requests: 1000000, per: 1h, shared: true}}]
"""


async def fallbacks(gateway: Gateway) -> float:
    return await metric(gateway.port, "gateway_rate_limit_fallbacks_total")


async def shares(gateway: Gateway) -> bool:
    """Whether the gateway's requests are counted in Redis."""
    before = await fallbacks(gateway)
    for _ in range(5):
        await ask(gateway.port, "/probe")
    return await fallbacks(gateway) == before


async def until_shared(*gateways: Gateway) -> None:
    for gateway in gateways:
        await until(lambda: shares(gateway))


def told(gateway: Gateway, message: str) -> int:
    return gateway.log.read_text().count(message)


def test_two_gateways_share_one_limit(gateway, redis):
    # So few an hour that none is given back while the test runs.
    first, second = (gateway(configuration(redis, 400, "744h")) for _ in range(2))

    async def run():
        await until_shared(first, second)
        async with Load(first.port, "/", clients=8) as one, Load(second.port, "/", clients=8) as other:
            await one.asked(800)
            await other.asked(800)
        return one, other

    one, other = asyncio.run(run())
    assert one.statuses[200] + other.statuses[200] == 400
    assert min(one.statuses[200], other.statuses[200]) > 0
    assert set(one.statuses) == set(other.statuses) == {200, 429} and not one.lost and not other.lost


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_requests_are_answered_while_redis_is_down(gateway, redis, fault):
    first, second = (gateway(configuration(redis, 1_000_000, "1h")) for _ in range(2))

    async def run():
        await until_shared(first, second)
        before = {each: (told(each, "Redis is unavailable"), told(each, "Redis is available again")) for each in (first, second)}
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
        # Only pending requests have waited for Redis.
        assert load.percentile(0.98) < 0.1 and max(load.seconds) < 1, (load.percentile(0.98), max(load.seconds))
    for each, (down, up) in before.items():
        # Logged once per process, regardless of the number of requests and attempts.
        assert told(each, "Redis is unavailable") == down + 1
        assert told(each, "Redis is available again") == up + 1
