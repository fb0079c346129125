"""A strict HTTP/1.1 client over raw sockets. It detects truncated responses and never retries."""

import asyncio
import inspect
import json
import time
from collections import Counter
from dataclasses import dataclass, field


class Cut(Exception):
    """The response was truncated. `received` is the number of bytes received."""

    def __init__(self, why: str, received: int):
        super().__init__(f"{why} after {received} bytes")
        self.received = received


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    """One connection. `received` counts the bytes of the current response."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer, self.received = reader, writer, 0

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, path: str, method: str = "GET", body: bytes = b"", timeout: float = 20, **headers: str) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: test"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.received = 0
        try:
            self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            return await asyncio.wait_for(self._answer(), timeout)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise Cut(type(error).__name__, self.received) from error

    async def _answer(self) -> Answer:
        status_line = await self._line()
        version, status = status_line.split(b" ", 2)[:2]
        assert version == b"HTTP/1.1", status_line
        headers = {}
        while line := await self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await self._line(), 16):
                body += await self._exactly(size)
                assert await self._line() == b""
            assert await self._line() == b""
        elif int(status) not in (204, 304):
            body = await self._exactly(int(headers["content-length"]))
        return Answer(int(status), headers, body)

    async def _line(self) -> bytes:
        try:
            line = await self.reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError as error:
            self.received += len(error.partial)
            raise
        self.received += len(line)
        return line[:-2]

    async def _exactly(self, count: int) -> bytes:
        try:
            data = await self.reader.readexactly(count)
        except asyncio.IncompleteReadError as error:
            self.received += len(error.partial)
            raise
        self.received += count
        return data

    def close(self) -> None:
        self.writer.close()


async def ask(port: int, path: str, **request) -> Answer:
    """One request on its own connection."""
    connection = await Connection.open(port)
    try:
        return await connection.ask(path, **request)
    finally:
        connection.close()


@dataclass
class Load:
    """Clients that send requests continuously until stopped, and the results."""

    port: int
    path: str
    clients: int = 16
    """Whether a connection is reused for as many requests as the gateway allows."""
    keeps_alive: bool = True
    statuses: Counter = field(default_factory=Counter)
    """Requests without a complete response: the reason and the number of bytes received."""
    lost: list = field(default_factory=list)
    """Connections refused or reset before their first response."""
    refused: int = 0
    seconds: list = field(default_factory=list)
    _stopped: bool = False
    _tasks: list = field(default_factory=list)

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self.clients)]
        return self

    async def __aexit__(self, *_) -> None:
        self._stopped = True
        await asyncio.gather(*self._tasks)

    @property
    def count(self) -> int:
        return sum(self.statuses.values())

    async def asked(self, count: int, timeout: float = 30) -> None:
        """Waits for this many more responses."""
        await until(lambda goal=self.count + count: self.count >= goal, timeout)

    def percentile(self, part: float) -> float:
        return sorted(self.seconds)[int(part * (len(self.seconds) - 1))]

    async def _client(self) -> None:
        connection = None
        while not self._stopped:
            if connection is None:
                try:
                    connection = await Connection.open(self.port)
                except OSError:
                    self.refused += 1
                    # What a client that comes again does.
                    await asyncio.sleep(0.05)
                    continue
            started = time.monotonic()
            try:
                answer = await connection.ask(self.path)
            except (Cut, TimeoutError) as error:
                self.lost.append(repr(error))
                connection.close()
                connection = None
                continue
            self.seconds.append(time.monotonic() - started)
            self.statuses[answer.status] += 1
            if not self.keeps_alive or not answer.keeps_alive:
                connection.close()
                connection = None


async def until(holds, timeout: float = 20) -> None:
    """Waits for an effect: until `holds()`, which may be a coroutine, is true."""
    deadline = time.monotonic() + timeout
    while True:
        result = holds()
        if await result if inspect.isawaitable(result) else result:
            return
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def metric(port: int, name: str) -> float:
    """The sum of a metric's samples."""
    text = (await ask(port, "/metrics")).body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{")))
