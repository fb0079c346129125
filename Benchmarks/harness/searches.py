"""What others notice of endless searches on SQLite, and what a short query costs there."""

import http.client
import random
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .load import Load
from .server import BenchError, Server

PRODUCTS = 200_000
SEARCHES = 8
ASKED = 500
PATHS = ["/health/live", "/favicon.svg", "/.well-known/jwks.json", "/api/products/7"]
WORDS = "green black white oolong jasmine tea pot cup leaf spice ginger lemon honey mint rose barley".split()
# Nothing has it, so every product is read; the letter beyond ASCII takes the slower comparison.
SEARCH = "/api/products?search=zzq%C3%A4"


@dataclass
class SearchResult:
    alone: dict[str, tuple[float, float]]
    """p50 and p99 by path, in milliseconds."""
    beside: dict[str, tuple[float, float]]
    answered: int
    refused: int
    by_id: float
    """Microseconds of CPU time of a request by id through the gateway."""


def write_products(file: Path) -> None:
    chance = random.Random(1)
    with file.open("w") as out:
        out.write("name,sku,price,category,stock,description\n")
        for number in range(PRODUCTS):
            name, text = " ".join(chance.choices(WORDS, k=3)), " ".join(chance.choices(WORDS, k=25))
            out.write(f"{name} {number},S-{number},{number % 90}.50,{number % 7},{number % 50},{text}\n")


def latencies(server: Server) -> dict[str, tuple[float, float]]:
    found = {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for path in PATHS:
        times = []
        for _ in range(ASKED):
            began = time.perf_counter()
            connection.request("GET", path)
            connection.getresponse().read()
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.004)
        times.sort()
        found[path] = (times[ASKED // 2], times[ASKED * 99 // 100])
    connection.close()
    return found


@contextmanager
def searching(server: Server, statuses: list[int]):
    ended = threading.Event()

    def search() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not ended.is_set():
            connection.request("GET", SEARCH)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)

    threads = [threading.Thread(target=search) for _ in range(SEARCHES)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(1)
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def measure(binary: str, work: Path, load: Load, core: int, seconds: int, rounds: int) -> SearchResult:
    file, data = work / "many.csv", work / "searches"
    write_products(file)
    done = subprocess.run(
        [binary, "import", "products", file, "--create", "--data-dir", data], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise BenchError(f"martlet import: {(done.stderr or done.stdout).strip()}")
    command = [binary, "serve", "--data-dir", str(data), "--port", "{port}"]
    server, statuses = Server("Martlet", command, {}, work / "searches.log"), []
    try:
        server.start()
        server.wait_for(PATHS[-1])
        alone = latencies(server)
        with searching(server, statuses):
            beside = latencies(server)
    finally:
        server.stop()
    pinned = Server("Martlet on SQLite", command, {}, work / "searches.log", core)
    try:
        pinned.start()
        pinned.wait_for(PATHS[-1])
        load.run(pinned, "/api/products/{id}", 1)
        by_id = median(load.run(pinned, "/api/products/{id}", seconds).cpu for _ in range(rounds))
    finally:
        pinned.stop()
    return SearchResult(alone, beside, statuses.count(200), statuses.count(503), by_id)
