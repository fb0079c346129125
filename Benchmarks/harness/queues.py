"""A job queue that is measured: Martlet's or a peer's."""

import json
import struct
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from processes import stop

from .server import BenchError, Server, until
from .services import Services, run

PEERS = Path(__file__).parent.parent / "peers" / "messaging"
WARM_UP = 50
SETTLE = 12
"""Seconds. A connection reports the transactions of its last jobs after up to ten."""
RECORD = struct.Struct("=qq")


@dataclass
class Throughput:
    rate: float
    """Jobs per second."""
    cpu: float
    """Microseconds of the worker's CPU time per job."""
    services: float | None
    """Microseconds of PostgreSQL's and Redis' CPU time per job. None: unknown."""


@dataclass
class Latency:
    """From enqueueing to the start of the job, in milliseconds."""

    p50: float
    p99: float


class Queue(ABC):
    name: str

    @abstractmethod
    def throughput(self) -> Throughput:
        """Of jobs that do nothing, all enqueued beforehand."""

    @abstractmethod
    def latency(self, rate: int, seconds: int) -> Latency | None:
        """At so many jobs a second. None: the same as another queue's."""

    @abstractmethod
    def idle(self, seconds: int) -> float | None:
        """Transactions, or Redis commands, per second of a worker without jobs. None: the same as another queue's."""


@dataclass
class Peer(Queue):
    """A Python package. Its module in peers/messaging has the job and the producer; its own command runs the worker."""

    name: str
    settings: str
    count: int
    """How many jobs take the worker 5 to 15 s."""
    worker: list[str]
    unfinished: Callable[[], int]
    statements_per_second: Callable[[float], float]
    services: Services
    python: Path
    work: Path
    core: int
    install: list[list[str]] = field(default_factory=list)
    analyze: bool = False
    """Whether it is faster with the planner's statistics of a full queue."""

    def is_installed(self) -> bool:
        script = f"import importlib.metadata; importlib.metadata.version({self.name!r})"
        return subprocess.run([self.python, "-c", script], stderr=subprocess.DEVNULL).returncode == 0

    def throughput(self) -> Throughput:
        self.set_up()
        self.enqueue(self.count)
        if self.analyze:
            self.services.sql("ANALYZE")
        with self.running() as worker:
            until(lambda: self.started() > 0, 60, "the start", worker, pause=0.005)
            began, jobs = time.perf_counter(), self.count - self.started()
            cpu, services = worker.cpu_seconds(), self.services.cpu_seconds()
            until(lambda: self.started() >= self.count and self.unfinished() == 0, 180, f"{self.count} jobs", worker)
            seconds = time.perf_counter() - began
            cpu, services = worker.cpu_seconds() - cpu, self.services.cpu_seconds() - services
        if self.started() > self.count:
            raise BenchError(f"{self.name} ran {self.started()} jobs of {self.count}")
        return Throughput(jobs / seconds, cpu * 1e6 / jobs, services * 1e6 / jobs)

    def latency(self, rate: int, seconds: int) -> Latency:
        self.set_up()
        with self.running() as worker:
            self.warm_up(worker)
            jobs = rate * seconds
            self.enqueue(jobs, rate)
            until(lambda: self.started() >= WARM_UP + jobs, 30, "the last job", worker)
        times = sorted(started - enqueued for enqueued, started in self.records()[WARM_UP:])
        return Latency(times[jobs // 2] / 1e6, times[jobs * 99 // 100] / 1e6)

    def idle(self, seconds: int) -> float:
        self.set_up()
        with self.running() as worker:
            self.warm_up(worker)
            time.sleep(SETTLE)
            return self.statements_per_second(seconds)

    def set_up(self) -> None:
        self.services.empty()
        self.ledger.unlink(missing_ok=True)
        for command in self.install:
            run(self.program(command), self.environment)

    def enqueue(self, count: int, rate: int | None = None) -> None:
        """Beside the servers, not on the worker's core."""
        arguments = [f"{self.name}_jobs", str(count), *([str(rate)] if rate else [])]
        run(["taskset", "--cpu-list", str(self.services.core), self.python, PEERS / "enqueue.py", *arguments],
            self.environment)

    def warm_up(self, worker: Server) -> None:
        self.enqueue(WARM_UP)
        until(lambda: self.started() >= WARM_UP and self.unfinished() == 0, 60, "the first jobs", worker)

    @contextmanager
    def running(self) -> Iterator[Server]:
        log = self.ledger.with_suffix(".log")
        worker = Server(self.name, self.program(self.worker), self.environment, log, self.core)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()

    def program(self, command: list[str]) -> list[str]:
        return [str(self.python.parent / command[0]), *command[1:]]

    @property
    def ledger(self) -> Path:
        return self.work / self.name

    @property
    def environment(self) -> dict[str, str]:
        return {
            "BENCH_LEDGER": str(self.ledger), "PYTHONPATH": str(PEERS), "DATABASE_URL": self.services.database_url,
            "REDIS_URL": self.services.redis_url,
        }

    def started(self) -> int:
        return self.ledger.stat().st_size // RECORD.size if self.ledger.exists() else 0

    def records(self) -> list[tuple[int, int]]:
        """When each job was enqueued and when it started, in the order of the starts."""
        return list(RECORD.iter_unpack(self.ledger.read_bytes()))


@dataclass
class Martlet(Queue):
    """Martlet's own program does the same and prints its figures as JSON (README.md, Messaging)."""

    name: str
    program: str
    mode: str
    count: int
    database: str
    services: Services
    work: Path
    core: int

    def throughput(self) -> Throughput:
        result, services = self.measure(self.mode, "--count", str(self.count))
        jobs = result["jobs"]
        return Throughput(
            jobs / result["seconds"], result["cpu_seconds"] * 1e6 / jobs,
            None if services is None else services * 1e6 / jobs)

    def latency(self, rate: int, seconds: int) -> Latency | None:
        if self.mode != "throughput":
            return None
        result, _ = self.measure("latency", "--rate", str(rate), "--seconds", str(seconds))
        return Latency(result["p50_ms"], result["p99_ms"])

    def idle(self, seconds: int) -> float | None:
        if self.mode != "throughput":
            return None
        return self.measure("idle", "--seconds", str(seconds))[0]["statements_per_second"]

    def measure(self, mode: str, *options: str) -> tuple[dict, float | None]:
        """Its JSON object, and the services' CPU seconds since it said `begin`, if it did."""
        self.services.empty()
        result, before, after = None, None, None
        with tempfile.TemporaryDirectory(dir=self.work) as folder, tempfile.TemporaryFile("w+", dir=self.work) as log:
            database = self.database.replace("{folder}", folder)
            command = [
                "taskset", "--cpu-list", str(self.core), self.program, "--database-url", database, "--redis-url",
                self.services.redis_url, "--mode", mode, *options,
            ]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True)
            try:
                for line in process.stdout:
                    if line == "begin\n":
                        before = self.services.cpu_seconds()
                    elif line.startswith("{"):
                        result, after = json.loads(line), self.services.cpu_seconds()
                ended = process.wait(30)
            finally:
                stop(process)
            log.seek(0)
            if ended != 0 or result is None:
                words = log.read().strip() or "it printed no result"
                raise BenchError(f"{Path(self.program).name} --mode {mode}: {words}")
        return result, None if before is None else after - before
