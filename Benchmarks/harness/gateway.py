"""The gateway beside other proxies: what a request costs, with and without policies, on how much memory."""

import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from .load import HTTP2Load, Load, Sample
from .proxies import Proxies, token
from .server import BenchError, Server

IDLE_CONNECTIONS = 5000
TRANSFER_BYTES = 1 << 30
HTTP2_STREAMS = 8


@dataclass
class Row:
    server: str
    samples: list[Sample] = field(default_factory=list)
    resident: float = 0

    def median(self, what: str) -> float:
        return median(getattr(sample, what) for sample in self.samples)


@dataclass
class Transfer:
    server: str
    download: float
    """MiB a second."""
    upload: float
    growth: float
    """How much the resident memory grew at the most, in MiB."""


@dataclass
class Results:
    plain: list[Row]
    policies: list[Row]
    http2: list[Row]
    connections: list[tuple[int, list[Row]]]
    routes: list[Row]
    idle: list[tuple[str, float]]
    """KiB a connection."""
    transfers: list[Transfer]


def measure(proxies: Proxies, load_core: int, connections: int, seconds: int, rounds: int) -> Results:
    (proxies.work / "files").mkdir()
    with open(proxies.work / "files" / "large", "wb") as file:
        file.truncate(TRANSFER_BYTES)
    # Whoever comes first must not pay for reading it from the disk.
    subprocess.run(["cat", file.name], stdout=subprocess.DEVNULL, check=True)
    os.chmod(proxies.work, 0o755)
    backend = proxies.backend()
    redis = proxies.redis()
    backend.start()
    redis.start()
    try:
        backend.wait_for("/")

        def rows(make: list[Callable[[Server], Server]], count: int = connections, headers: str = "") -> list[Row]:
            return race([one(backend) for one in make], Load(load_core, count), headers, seconds, rounds)

        everyone = [proxies.martlet, proxies.nginx, proxies.haproxy, proxies.envoy_plain, proxies.caddy]
        plain = rows(everyone)
        policies = rows(
            [proxies.martlet_with_policies, lambda backend: proxies.martlet_with_policies(backend, redis),
             proxies.envoy_with_policies, proxies.nginx],
            headers=f"Authorization: Bearer {token()}")
        streams = HTTP2Load(load_core, max(1, connections // HTTP2_STREAMS), HTTP2_STREAMS)
        http2 = race([one(backend) for one in everyone], streams, "", seconds, rounds)
        by_count = [(count, rows([proxies.martlet, proxies.nginx], count)) for count in (16, 128, 1024)]
        routes = rows([lambda backend, count=count: proxies.martlet(backend, count) for count in (10, 1000, 10_000)])
        idle = [(server.name, idle_memory(server)) for server in
                (make(backend) for make in (proxies.martlet, proxies.nginx, proxies.haproxy, proxies.envoy_plain))]
        transfers = [transfer(make(backend)) for make in (proxies.martlet, proxies.nginx)]
        return Results(plain, policies, http2, by_count, routes, idle, transfers)
    finally:
        redis.stop()
        backend.stop()


def race(servers: list[Server], load: Load | HTTP2Load, headers: str, seconds: int, rounds: int) -> list[Row]:
    """All run, one at a time is under load, and the rounds go around."""
    results = [Row(server.name) for server in servers]
    try:
        for server in servers:
            server.start()
            server.wait_for("/", headers=headers)
            load.run(server, "/", 1, headers)
        for number in range(rounds):
            for server, row in zip(servers, results, strict=True):
                sample = load.run(server, "/", seconds, headers)
                row.samples.append(sample)
                row.resident = server.memory()[0]
                print(f"{load.connections} connections, round {number + 1}: {server.name} {sample.cpu:.1f} µs",
                      flush=True)
    finally:
        for server in servers:
            server.stop()
    return results


def idle_memory(server: Server) -> float:
    """What a connection costs that has had one answer and waits: KiB of resident memory."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server.start()
    try:
        server.wait_for("/")
        before = server.memory()[0]
        sockets = []
        for _ in range(IDLE_CONNECTIONS):
            one = socket.create_connection(("127.0.0.1", server.port))
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            if not one.recv(4096).startswith(b"HTTP/1.1 200"):
                raise BenchError(f"{server.name} did not answer")
            sockets.append(one)
        time.sleep(1)
        after = server.memory()[0]
        for one in sockets:
            one.close()
        return (after - before) * 1024 / IDLE_CONNECTIONS
    finally:
        server.stop()


def transfer(server: Server) -> Transfer:
    server.start()
    try:
        server.wait_for("/")
        base = server.memory()[0]
        url = f"http://127.0.0.1:{server.port}"
        peak = base

        def run(*arguments: str) -> float:
            nonlocal peak
            began = time.perf_counter()
            with subprocess.Popen(["curl", "--silent", "--fail", "--output", os.devnull, *arguments]) as process:
                while process.poll() is None:
                    peak = max(peak, server.memory()[0])
                    time.sleep(0.02)
                if process.returncode:
                    raise BenchError(f"{server.name}: curl ended with {process.returncode}")
            return TRANSFER_BYTES / (1 << 20) / (time.perf_counter() - began)

        download = run(f"{url}/files/large")
        file = server.log.parent / "files" / "large"
        upload = run("--request", "POST", "--header", "Expect:", "--upload-file", str(file), f"{url}/sink")
        return Transfer(server.name, download, upload, peak - base)
    finally:
        server.stop()
