"""How soon the whole platform in one process answers, and what it needs when idle."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .server import Server

STARTS = 5
IDLE = 3
PATH = "/api/products?limit=1"


@dataclass
class StartResult:
    seconds: list[float]
    """From exec to the first 200 through the gateway, with an existing data directory on SQLite."""
    resident: float
    """MiB, after three idle seconds."""
    proportional: float

    @property
    def median(self) -> float:
        return median(self.seconds)


def measure(binary: str, work: Path) -> StartResult:
    command = [binary, "serve", "--data-dir", str(work / "data"), "--port", "{port}"]
    times = []
    memory = (0.0, 0.0)
    # The first one makes the data directory and is not counted.
    for number in range(STARTS + 1):
        server = Server("Martlet", command, {}, work / "start.log")
        try:
            began = time.perf_counter()
            server.start()
            server.wait_for(PATH, pause=0.001)
            times.append(time.perf_counter() - began)
            if number == STARTS:
                time.sleep(IDLE)
                memory = server.memory()
        finally:
            server.stop()
    return StartResult(times[1:], *memory)
