"""SIGTERM: accepted requests are completed."""

import asyncio
import signal

import pytest

from wire import Connection, Load, ask, until


def configuration(upstream) -> str:
    return f"""
upstreams: {{u: {{endpoints: ["{upstream.url}"]}}}}
routes: [{{prefix: /, upstream: u}}]
"""


@pytest.mark.parametrize("keeps_alive", [True, False])
def test_shutdown_under_load_loses_no_request(gateway, upstream, keeps_alive):
    running = gateway(configuration(upstream()))

    async def run():
        async with Load(running.port, "/slow/3", clients=24, keeps_alive=keeps_alive) as load:
            await load.asked(500)
            running.signal(signal.SIGTERM)
            # Clients keep sending requests, which are now refused.
            await until(lambda: load.refused > 50, 15)
        return load

    load = asyncio.run(run())
    assert load.lost == [] and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
    assert running.process.wait(15) == 0


def test_shutdown_completes_requests_in_flight(gateway, upstream):
    served = upstream()
    running = gateway(configuration(served))

    async def run():
        slow, large = await Connection.open(running.port), await Connection.open(running.port)
        answers = [asyncio.create_task(slow.ask("/slow/2500")), asyncio.create_task(large.ask("/file/30000000"))]
        await until(lambda: len(served.requests) == 2)
        running.signal(signal.SIGTERM)

        async def is_refused() -> bool:
            try:
                (await Connection.open(running.port)).close()
                return False
            except OSError:
                return True

        # No new connection is accepted meanwhile.
        await until(is_refused, 2)
        assert running.process.poll() is None
        first, second = await asyncio.gather(*answers)
        assert (first.status, first.keeps_alive, first.body) == (200, False, b"a")
        assert (second.status, len(second.body)) == (200, 30_000_000)

    asyncio.run(run())
    assert running.process.wait(15) == 0


def test_retrying_clients_do_not_notice_a_restart(gateway, upstream):
    """As with a supervisor, the next process takes the port as soon as the first releases it."""
    running = gateway(configuration(upstream()))

    async def run():
        async with Load(running.port, "/slow/3", clients=16) as load:
            for _ in range(3):
                await load.asked(300)
                running.signal(signal.SIGTERM)
                assert await asyncio.to_thread(running.process.wait, 15) == 0
                await asyncio.to_thread(running.start_again)
            await load.asked(300)
        return load

    load = asyncio.run(run())
    assert load.lost == [] and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
