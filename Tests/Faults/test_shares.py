"""One client that tries to occupy all connections to an upstream, from its own address 127.0.0.2."""

import asyncio

from wire import Load, until

BEGINNING = b"5000\r\n" + b"x" * 0x5000 + b"\r\n"


async def drip(port: int, stop: asyncio.Event) -> None:
    """Starts a long upload and sends almost nothing."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        writer.write(b"POST /slow/60000 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + BEGINNING)
        while not stop.is_set():
            # The pace of the upload is what is tested.
            await asyncio.sleep(0.5)
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
        writer.close()
    except ConnectionError:
        pass


def test_uploads_of_one_client_leave_others_their_share(gateway, upstream):
    served = upstream()
    running = gateway(f'upstreams: {{u: {{endpoints: ["{served.url}"]}}}}\nroutes: [{{prefix: /, upstream: u}}]\n')

    async def run():
        stop = asyncio.Event()
        uploads = [asyncio.create_task(drip(running.port, stop)) for _ in range(300)]
        # They hold all connections that there may be.
        await until(lambda: len(served.requests) >= 128)
        async with Load(running.port, "/hello", clients=4) as load:
            await load.asked(400)
        stop.set()
        await asyncio.gather(*uploads)
        return load

    load = asyncio.run(run())
    print(f"p50 {load.percentile(.5):.4f} s, most {load.percentile(1):.4f} s")
    assert load.lost == [] and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
    # The first request waits until the connections are reclaimed.
    assert load.percentile(0.5) < 0.05


def test_aborted_uploads_do_not_affect_others(gateway, upstream):
    running = gateway(f'upstreams: {{u: {{endpoints: ["{upstream().url}"]}}}}\nroutes: [{{prefix: /, upstream: u}}]\n')

    async def break_off(stop: asyncio.Event) -> int:
        count = 0
        while not stop.is_set():
            _, writer = await asyncio.open_connection("127.0.0.1", running.port, local_addr=("127.0.0.2", 0))
            writer.write(b"POST /hello HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await writer.drain()
            writer.transport.abort()
            count += 1
        return count

    async def run():
        stop = asyncio.Event()
        breakers = [asyncio.create_task(break_off(stop)) for _ in range(8)]
        async with Load(running.port, "/hello", clients=4) as load:
            await load.asked(100)
        stop.set()
        return load, sum(await asyncio.gather(*breakers))

    load, count = asyncio.run(run())
    print(f"{count} broken off, others p99 {load.percentile(.99):.4f} s")
    assert count > 50 and load.lost == [] and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
