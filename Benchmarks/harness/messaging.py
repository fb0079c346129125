"""What a background job costs: Martlet's queue and those of Python, on the same PostgreSQL and Redis."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .queues import Latency, Martlet, Peer, Queue, Throughput
from .services import Services

RATE = 100
LATENCY_SECONDS = 10
IDLE_SECONDS = 30
MARTLET_JOBS = 50_000


@dataclass
class Result:
    queue: Queue
    samples: list[Throughput] = field(default_factory=list)
    latency: Latency | None = None
    idle: float | None = None

    def median(self, field: str) -> float | None:
        values = [getattr(sample, field) for sample in self.samples]
        return None if None in values else median(values)


@dataclass
class Contenders:
    """How each queue is installed and run: with its own commands, and with the settings of its documentation."""

    services: Services
    python: Path
    program: str
    work: Path
    core: int

    def martlet(self) -> list[Queue]:
        postgres, sqlite = self.services.database_url, "sqlite:{folder}/jobs.db"
        return [
            self._martlet("Martlet", "throughput", postgres), self._martlet("Martlet, in batches", "batched", postgres),
            self._martlet("Martlet on SQLite", "throughput", sqlite),
        ]

    def events(self) -> list[Queue]:
        return [
            self._martlet("Redis", "events-redis", self.services.database_url),
            self._martlet("PostgreSQL", "events-postgres", self.services.database_url),
        ]

    def peers(self) -> list[Peer]:
        return [self.celery(), self.procrastinate(), self.pgqueuer(), self.oban()]

    def celery(self) -> Peer:
        redis = self.services.redis_cli
        return self._peer(
            "celery", "10 threads, the cheapest of its pools here; prefetches 128 jobs for each", count=10_000,
            worker=["celery", "--app", "celery_jobs", "worker", "--pool", "threads", "--concurrency", "10",
                    "--loglevel", "WARNING"],
            unfinished=lambda: int(redis("LLEN", "celery")) + int(redis("HLEN", "unacked")),
            statements_per_second=self.services.redis_commands_per_second)

    def procrastinate(self) -> Peer:
        command = ["procrastinate", "--app", "procrastinate_jobs.app"]
        return self._peer(
            "procrastinate", "30 jobs at a time, 31 connections", count=5_000, analyze=True,
            install=[[*command, "schema", "--apply"]], worker=[*command, "worker", "--concurrency", "30"],
            unfinished=lambda: self.services.rows("procrastinate_jobs WHERE status IN ('todo', 'doing')"))

    def pgqueuer(self) -> Peer:
        command = ["pgq", "--pg-dsn", self.services.database_url]
        return self._peer(
            "pgqueuer", "batches of 100; asyncpg with 5 to 20 connections; its settings of autovacuum", count=80_000,
            analyze=True, install=[[*command, "install"], [*command, "autovac"]],
            worker=[*command, "run", "pgqueuer_jobs:worker", "--batch-size", "100", "--log-level", "WARNING"],
            unfinished=lambda: self.services.rows("pgqueuer"))

    def oban(self) -> Peer:
        options = ["--dsn", self.services.database_url]
        # With statistics of a queue in which no job is done yet, it runs 0.6 times as many jobs per second.
        return self._peer(
            "oban", "100 jobs at a time, up to 10 connections", count=15_000, install=[["oban", "install", *options]],
            worker=["oban", "start", *options, "--queues", "default:100", "--log-level", "warning"],
            unfinished=lambda: self.services.rows("oban_jobs WHERE state <> 'completed'"))

    def _martlet(self, name: str, mode: str, database: str) -> Martlet:
        return Martlet(name, self.program, mode, MARTLET_JOBS, database, self.services, self.work, self.core)

    def _peer(self, package: str, settings: str, **options) -> Peer:
        defaults = {"statements_per_second": self.services.transactions_per_second}
        return Peer(
            package, settings, services=self.services, python=self.python, work=self.work, core=self.core,
            **defaults | options)


def measure(queues: list[Queue], rounds: int) -> list[Result]:
    results = [Result(queue) for queue in queues]
    for round in range(rounds):
        for result in results:
            sample = result.queue.throughput()
            result.samples.append(sample)
            print(f"jobs, round {round + 1}: {result.queue.name} {sample.cpu:.0f} µs", flush=True)
    for result in results:
        result.latency = result.queue.latency(RATE, LATENCY_SECONDS)
        result.idle = result.queue.idle(IDLE_SECONDS)
        print(f"latency and idle: {result.queue.name}", flush=True)
    return results


def measure_events(queues: list[Queue], rounds: int) -> list[Result]:
    return [Result(queue, [queue.throughput() for _ in range(rounds)]) for queue in queues]
