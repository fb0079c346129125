"""CPU time per request of the product service and its peers."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .check import ITEMS, same_answers
from .load import Load, Sample
from .server import BenchError, Server
from .servers import Machine

REQUESTS = {"/api/products/{id}": "by id", f"/api/products?limit={ITEMS}": f"list of {ITEMS} with the total"}


@dataclass
class Result:
    server: str
    path: str
    samples: list[Sample]
    resident: float

    def median(self, field: str) -> float:
        return median(getattr(sample, field) for sample in self.samples)


def import_products(machine: Machine, server: Server, file: Path) -> None:
    done = subprocess.run(
        [machine.binary, "import", "products", str(file), "--data-dir", str(machine.work / "import")],
        env=os.environ | server.environment, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise BenchError(f"martlet import: {(done.stderr or done.stdout).strip()}")


def measure(machine: Machine, load: Load, servers: list[Server], file: Path, seconds: int, rounds: int) -> list[Result]:
    """Starts all of them, then loads one at a time; the rounds go around so that the machine's moods hit all alike."""
    try:
        for index, server in enumerate(servers):
            server.start()
            server.wait_for("/api/products?limit=1")
            if index == 0 and server.name == "Martlet":
                import_products(machine, server, file)
        same_answers(servers)
        results = []
        for path in REQUESTS:
            for server in servers:
                load.run(server, path, 2)
            samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
            for round in range(rounds):
                for server in servers:
                    sample = load.run(server, path, seconds)
                    samples[server.name].append(sample)
                    print(f"{path}, round {round + 1}: {server.name} {sample.cpu:.0f} µs", flush=True)
            results += [Result(server.name, path, samples[server.name], server.memory()[0]) for server in servers]
        return results
    finally:
        for server in servers:
            server.stop()
