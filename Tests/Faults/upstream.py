"""An upstream that misbehaves on request. A separate process, so that it can be killed and suspended.

    python3 upstream.py PORT NAME RECORD

Every request is recorded as a line in the file RECORD before it is processed.
"""

import asyncio
import os
import random
import signal
import socket
import struct
import sys

PIECE = bytes(range(256)) * 256


class Upstream:
    def __init__(self, name: str, record: int):
        self.name, self.record = name, record

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.exchange(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.split(b" ", 2)[:2]
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                await reader.readexactly(int(value))
        os.write(self.record, b"%s %s\n" % (method, target))
        kind, *rest = target.decode().strip("/").split("/")
        return await getattr(self, kind)(writer, *rest)

    # The behavior for each path. Each function returns whether the connection stays open.

    async def hello(self, writer) -> bool:
        writer.write(whole(200, self.name.encode()))
        return True

    async def slow(self, writer, milliseconds: str, size: str = "") -> bool:
        # It is slow because it is asked to be.
        await asyncio.sleep(int(milliseconds) / 1000)
        return await (self.file(writer, size) if size else self.hello(writer))

    async def status(self, writer, code: str) -> bool:
        writer.write(whole(int(code), b""))
        return True

    async def file(self, writer, size: str) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % int(size))
        for _ in range(int(size) // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()
        writer.write(PIECE[: int(size) % len(PIECE)])
        return True

    async def half(self, writer, how: str) -> bool:
        if how == "chunks":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        elif how == "chunk":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhello")
        elif how == "head":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
        await writer.drain()
        if how == "reset":
            # What has been written goes out before the reset, which discards what has not.
            await asyncio.sleep(0.05)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False

    async def garbage(self, writer, which: str) -> bool:
        writer.write(GARBAGE[int(which)])
        await writer.drain()
        return False

    async def die(self, writer) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False


GARBAGE = [
    b"garbage\r\n\r\n",
    random.Random(1).randbytes(4096),
    b"\x00" * 1000,
    b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"",
]


def whole(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


async def main(port: int, name: str, record: str) -> None:
    descriptor = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    server = await asyncio.start_server(Upstream(name, descriptor).serve, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
