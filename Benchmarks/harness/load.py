"""One run of wrk or h2load against one server."""

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .server import BenchError, Server

SCRIPT = Path(__file__).parent.parent / "wrk.lua"


@dataclass
class Sample:
    cpu: float
    """Microseconds of the server's CPU time per request."""
    rate: float
    """Requests per second."""
    p50: float
    """Milliseconds."""
    p99: float


@dataclass
class Load:
    core: int
    connections: int

    def run(self, server: Server, path: str, seconds: int, header: str = "") -> Sample:
        command = [
            "taskset", "--cpu-list", str(self.core), "wrk", "--threads", "1", "--connections", str(self.connections),
            # On a busy machine the slow peers take longer than wrk's two seconds: that is latency, not an error.
            "--timeout", "10s",
            "--duration", f"{seconds}s", "--script", str(SCRIPT), *(["--header", header] if header else []),
            f"http://127.0.0.1:{server.port}{path}",
        ]
        before = server.cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
        cpu = server.cpu_seconds() - before
        line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            raise BenchError(f"wrk gave no result: {(done.stderr or done.stdout).strip()}")
        result = json.loads(line.removeprefix("RESULT "))
        requests = result["requests"]
        if result["errors"] or not requests:
            raise BenchError(f"{server.name} {path}: {requests} requests, {result['errors']} errors")
        return Sample(
            cpu=cpu * 1e6 / requests, rate=requests * 1e6 / result["microseconds"],
            p50=result["p50"] / 1000, p99=result["p99"] / 1000)


@dataclass
class HTTP2Load:
    """HTTP/2 without TLS, which the clients know beforehand (RFC 9113 §3.3)."""

    core: int
    connections: int
    streams: int
    """How many requests a connection has under way."""

    def run(self, server: Server, path: str, seconds: int, header: str = "") -> Sample:
        with tempfile.NamedTemporaryFile("r") as log:
            command = [
                "taskset", "--cpu-list", str(self.core), "h2load", "--clients", str(self.connections),
                "--max-concurrent-streams", str(self.streams), "--duration", str(seconds), "--log-file", log.name,
                *(["--header", header] if header else []),
                f"http://127.0.0.1:{server.http2_port or server.port}{path}",
            ]
            before = server.cpu_seconds()
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
            cpu = server.cpu_seconds() - before
            # When a request began, its status, and how long it took, in microseconds.
            answers = [line.split() for line in log]
        counts = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", done.stdout)
        if counts is None or not answers:
            raise BenchError(f"h2load gave no result: {(done.stderr or done.stdout).strip()}")
        wrong = sum(map(int, counts.groups())) + sum(status != "200" for _, status, _ in answers)
        if wrong:
            raise BenchError(f"{server.name} {path}: {len(answers)} requests over HTTP/2, {wrong} errors")
        times = sorted(int(time) for _, _, time in answers)
        return Sample(
            cpu=cpu * 1e6 / len(times), rate=len(times) / seconds, p50=times[len(times) // 2] / 1000,
            p99=times[len(times) * 99 // 100] / 1000)
