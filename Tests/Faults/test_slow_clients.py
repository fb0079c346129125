"""Very slow clients."""

import asyncio
import re
import shutil
import socket
import subprocess

import pytest

from wire import Load

MiB = 1 << 20


def configuration(upstream) -> str:
    return f"""
upstreams: {{u: {{endpoints: ["{upstream.url}"]}}, files: {{endpoints: ["{upstream.url}"]}}}}
routes: [{{prefix: /, upstream: u}}, {{prefix: /file, upstream: files}}]
"""


READ = ["-X", "-n", "2", "-w", "16", "-y", "64", "-z", "8"]


# The expected memory: for small responses, all of them; for large ones, a write buffer and a read for each of the
# thousand connections, about 600 KiB.
@pytest.mark.parametrize(("attack", "path", "bound"), [
    (["-H", "-i", "2"], "/hello", 48 * MiB),
    (["-B", "-i", "2", "-s", "8192", "-x", "10"], "/hello", 48 * MiB),
    (READ, "/slow/0/100000", 300 * MiB),
    (READ, "/file/2000000", 600 * MiB),
], ids=["headers", "body", "read", "read-large"])
def test_slow_clients_do_not_slow_down_others(gateway, upstream, attack, path, bound, tmp_path):
    tool = shutil.which("slowhttptest")
    assert tool, "slowhttptest is not installed: script/bootstrap --test"
    running = gateway(configuration(upstream()))
    command = [tool, *attack, "-c", "1000", "-r", "500", "-l", "9", "-p", "3", "-u",
               f"http://127.0.0.1:{running.port}{path}"]

    async def run():
        async with Load(running.port, "/hello", clients=2) as load:
            await load.asked(200)
            usual, before = load.percentile(0.5), running.memory
            process = await asyncio.create_subprocess_exec(
                *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path)
            output = asyncio.create_task(process.stdout.read())
            most, load.seconds = before, []
            while process.returncode is None:
                most = max(most, running.memory)
                # How often the memory is looked at.
                await asyncio.sleep(0.1)
                if output.done():
                    await process.wait()
        return load, usual, most - before, re.sub(rb"\x1b\[[0-9;]*m", b"", await output).decode()

    load, usual, growth, output = asyncio.run(run())
    print(f"{attack}: {load.count} others, p50 {load.percentile(.5):.4f} s, p99 {load.percentile(.99):.4f} s, "
          f"most {load.percentile(1):.4f} s, memory +{growth / MiB:.1f} MiB")
    assert max(map(int, re.findall(r"connected:\s+(\d+)", output))) > 800, output[-2000:]
    if not path.startswith("/file"):
        # The tool checks the target that it attacks. Clients that read large responses slowly occupy all connections to
        # that upstream; other upstreams are not affected.
        assert "service available:   YES" in output and "service available:   NO" not in output, output[-2000:]
    assert load.lost == [] and set(load.statuses) == {200}, (load.lost[:5], load.statuses)
    # On a machine that is busy anyway, in proportion to what it was before.
    assert load.percentile(0.5) < max(0.05, 10 * usual) and load.percentile(0.99) < max(0.5, 100 * usual)
    assert growth < bound


def test_slow_readers_use_bounded_memory(gateway, upstream):
    size = 200_000_000
    running = gateway(configuration(upstream()))

    async def reader() -> int:
        """Reads a kilobyte per second for eight seconds."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop, received = asyncio.get_running_loop(), 0
        await loop.sock_connect(client, ("127.0.0.1", running.port))
        await loop.sock_sendall(client, f"GET /file/{size} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        for _ in range(8):
            received += len(await loop.sock_recv(client, 1000))
            # The pace of the reader is what is tested.
            await asyncio.sleep(1)
        client.close()
        return received

    async def run():
        async with Load(running.port, "/hello", clients=2) as load:
            await load.asked(200)
            before, load.seconds = running.memory, []
            readers = asyncio.gather(*(reader() for _ in range(100)))
            most = before
            while not readers.done():
                most = max(most, running.memory)
                # How often the memory is looked at.
                await asyncio.sleep(0.1)
            received = await readers
        return load, most - before, received

    load, growth, received = asyncio.run(run())
    print(f"100 readers: memory +{growth / MiB:.1f} MiB, others p99 {load.percentile(.99):.4f} s")
    assert min(received) >= 6000, "they have read all the time"
    assert load.lost == [] and set(load.statuses) == {200} and load.percentile(0.99) < 0.5
    # Of the 20 GB requested, at most a write buffer and a read per connection.
    assert growth < 100 * 0.75 * MiB
