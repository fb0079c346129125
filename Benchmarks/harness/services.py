"""The PostgreSQL and the Redis on which the job queues run."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .server import BenchError, Server, cpu_seconds, until


def run(command: list[str | Path], environment: dict[str, str] | None = None, seconds: float = 120) -> str:
    done = subprocess.run(
        command, env=os.environ | (environment or {}), capture_output=True, text=True, timeout=seconds,
        stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BenchError(f"{Path(command[0]).name}: {lines[-1] if lines else 'failed'}")
    return done.stdout.strip()


@dataclass
class Services:
    psql: str
    postgres_url: str
    """Without a database."""
    postgres_pid: int
    redis: Server
    core: int

    DATABASE = "jobs"

    @classmethod
    def on(cls, core: int, work: Path) -> "Services":
        """The PostgreSQL that script/bench has started, and a Redis beside it. Neither waits for the disk."""
        redis = Server("Redis", ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", ""], {},
                       work / "redis.log", core)
        return cls(os.environ["BENCH_PSQL"], os.environ["BENCH_DATABASE"], int(os.environ["BENCH_POSTGRES_PID"]), redis,
                   core)

    @property
    def database_url(self) -> str:
        return f"{self.postgres_url}/{self.DATABASE}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.redis.port}/0"

    def start(self) -> None:
        self.redis.start()
        until(lambda: self.redis_answers(), 10, "Redis to start", self.redis)

    def stop(self) -> None:
        self.redis.stop()

    def empty(self) -> None:
        """A new database and an empty Redis; what the previous queue has left to write is written."""
        self.sql(
            f"DROP DATABASE IF EXISTS {self.DATABASE} WITH (FORCE)", f"CREATE DATABASE {self.DATABASE}", "CHECKPOINT",
            database="postgres")
        self.redis_cli("FLUSHALL")

    def sql(self, *statements: str, database: str = DATABASE) -> str:
        commands = [part for statement in statements for part in ("--command", statement)]
        return run([self.psql, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
                    "--dbname", database, *commands])

    def rows(self, what: str) -> int:
        return int(self.sql(f"SELECT count(*) FROM {what}"))

    def redis_cli(self, *command: str) -> str:
        return run(["redis-cli", "-p", str(self.redis.port), *command])

    def redis_answers(self) -> bool:
        try:
            return self.redis_cli("PING") == "PONG"
        except BenchError:
            return False

    def cpu_seconds(self) -> float:
        """Of both servers."""
        return cpu_seconds(self.postgres_pid) + self.redis.cpu_seconds()

    def transactions_per_second(self, seconds: float) -> float:
        """In the queue's database. The query that counts them runs in another one, and autovacuum is suspended."""
        def committed() -> int:
            return int(self.sql(f"SELECT xact_commit FROM pg_stat_database WHERE datname = '{self.DATABASE}'",
                                database="postgres"))

        self.sql("ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()", database="postgres")
        try:
            return rate(committed, seconds)
        finally:
            self.sql("ALTER SYSTEM RESET autovacuum", "SELECT pg_reload_conf()", database="postgres")

    def redis_commands_per_second(self, seconds: float) -> float:
        def processed() -> int:
            lines = self.redis_cli("INFO", "stats").splitlines()
            return next(int(line.split(":")[1]) for line in lines if line.startswith("total_commands_processed:"))

        return rate(processed, seconds) - 1 / seconds  # the first INFO


def rate(counter: Callable[[], int], seconds: float) -> float:
    before = counter()
    time.sleep(seconds)
    return (counter() - before) / seconds
