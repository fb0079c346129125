"""Configurations that change under load."""

import asyncio
import signal

from wire import Load, ask, until


def configuration(upstreams: list, version: int) -> str:
    """Every version has another upstream, whose connections are closed with the next version."""
    return f"""
upstreams:
  u: {{endpoints: [{", ".join(f'"{upstream.url}"' for upstream in upstreams)}], maximum_connections: {100 + version}}}
routes:
  - {{prefix: /, upstream: u}}
  - {{path: /version, respond: {{body: "{version}"}}}}
"""


async def version(running) -> str:
    return (await ask(running.port, "/version")).body.decode()


async def takes_up(running, expected: int) -> None:
    async def has_it() -> bool:
        return await version(running) == str(expected)

    await until(has_it)


def test_reloads_lose_no_request(gateway, upstream):
    upstreams = [upstream("a"), upstream("b")]
    running = gateway(configuration(upstreams, 0))

    async def run():
        async with Load(running.port, "/slow/2", clients=8) as kept, Load(
                running.port, "/hello", clients=4, keeps_alive=False) as opened, Load(
                running.port, "/file/300000", clients=2) as large:
            for number in range(1, 96):
                running.write(configuration(upstreams, number))
                running.signal(signal.SIGHUP)
                await takes_up(running, number)
            # Only the file changes, which is checked once a second.
            for number in range(96, 101):
                running.write(configuration(upstreams, number))
                await takes_up(running, number)
        return kept, opened, large

    for load in asyncio.run(run()):
        assert load.lost == [] and load.refused == 0 and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
        assert load.count > 100


def test_invalid_file_keeps_the_configuration_and_is_reported(gateway, upstream):
    upstreams = [upstream()]
    running = gateway(configuration(upstreams, 1))
    bad = ["routes: [", "routes:\n  - {prefix: /, upstream: nowhere}\n", "", "upstreams: {u: {endpoints: []}}\n"]

    async def run():
        async with Load(running.port, "/hello", clients=4) as load:
            for text in bad:
                told = running.log.read_text().count("the gateway's file is invalid")
                running.write(text)
                running.signal(signal.SIGHUP)
                await until(lambda: running.log.read_text().count("the gateway's file is invalid") > told)
                assert await version(running) == "1"
            assert "gateway.yaml:2: routes[0].upstream: there is no upstream 'nowhere'" in running.log.read_text()
            running.file.unlink()
            running.signal(signal.SIGHUP)
            await load.asked(100)
            assert await version(running) == "1"
            running.write(configuration(upstreams, 2))
            running.signal(signal.SIGHUP)
            await takes_up(running, 2)
        return load

    load = asyncio.run(run())
    assert load.lost == [] and set(load.statuses) == {200}
