"""One run of wrk against one server."""

import json
import subprocess
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
