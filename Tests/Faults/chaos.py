"""The platform of Tests/Chaos as processes that die, and what it must have done whatever happened to them."""

import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from processes import MARTLET, free_port

from process import Process
from servers import Postgres

CHAOS = MARTLET.with_name("martlet-chaos")
ALL = ("accounts", "source", "sink")


def setting(name: str, short: float) -> float:
    """A size of the tests: `CHAOS_EVENTS` and so on, as script/chaos sets them for the long form."""
    return float(os.environ.get(f"CHAOS_{name.upper()}", short))


def eventually(what: str, holds, timeout: float = 60) -> None:
    """Waits until `holds()` is true. It may also raise an assertion, which is then the last reason."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if holds():
                return
            reason = ""
        except AssertionError as error:
            reason = f": {error}"
        assert time.monotonic() < deadline, f"{what}: not in {timeout} s{reason}"
        time.sleep(0.1)


class SQLiteData:
    """The databases of a platform in files."""

    def __init__(self, folder: Path):
        self.folder = folder / "data"

    def arguments(self, folder: Path) -> list:
        return ["--data-dir", self.folder]

    def rows(self, service: str, sql: str) -> list[tuple]:
        connection = sqlite3.connect(self.folder / f"{service}.sqlite", timeout=20, isolation_level=None)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


class PostgresData:
    """The schemas of a platform in a database of a server."""

    def __init__(self, server: Postgres, name: str, port: int | None = None):
        self.server, self.name, self.port = server, name, port
        server.rows("postgres", f"CREATE DATABASE {name}")

    def arguments(self, folder: Path) -> list:
        return ["--data-dir", folder, "--database-url", self.server.url(self.name, self.port)]

    def rows(self, service: str, sql: str) -> list[tuple]:
        return self.server.rows(self.name, sql, schema=service)


class Instance(Process):
    """A process of the platform."""

    def __init__(self, data, folder: Path, services=ALL, settings=(), **environment: str):
        self.port, self.services, self.settings, self.is_suspended = free_port(), services, settings, False
        folder.mkdir()
        super().__init__(
            [CHAOS, "serve", "--only", ",".join(services), "--port", self.port, *data.arguments(folder), *settings],
            folder / "log", **{"CHAOS_DEAD_AFTER": "3", "MARTLET_LOG_LEVEL": "info"} | environment)

    def wait(self) -> None:
        self.wait_for(self.port)

    def restart(self, **environment: str) -> None:
        self.kill()
        self.environment |= environment
        self.start()
        self.wait()

    def suspend(self) -> None:
        self.is_suspended = True
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)
        self.is_suspended = False

    def post(self, path: str, body: dict) -> int:
        """The status of a request. Raises OSError when the process does not answer."""
        return self.ask("POST", path, json.dumps(body)).status

    def header(self, name: str) -> str:
        return self.ask("GET", "/health/live").getheader(name)

    def ask(self, method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            return connection.getresponse()
        except http.client.HTTPException as error:
            raise ConnectionError(repr(error)) from error
        finally:
            connection.close()


class Platform:
    """Processes that share their databases."""

    def __init__(self, data, folder: Path):
        self.data, self.folder, self.instances, self.count_of_instances = data, folder, [], 0

    def add(self, services=ALL, settings=(), **environment: str) -> Instance:
        self.count_of_instances += 1
        folder = self.folder / f"instance-{self.count_of_instances}"
        instance = Instance(self.data, folder, services, settings, **environment)
        self.instances.append(instance)
        instance.start()
        instance.wait()
        return instance

    def remove(self, instance: Instance) -> None:
        instance.kill()
        self.instances.remove(instance)

    def add_apart(self, redis, broker: str, services=("source", "sink")) -> list[Instance]:
        """Adds a process for each of the services, which hear each other through a broker."""
        settings = ["--broker", broker, "--redis-url", f"redis://127.0.0.1:{redis.port}"]
        accounts = self.add(["accounts"], settings)
        settings += ["--service", f"accounts=http://127.0.0.1:{accounts.port}"]
        return [self.add([service], settings) for service in services]

    def kill(self) -> None:
        for instance in self.instances:
            instance.kill()

    def serving(self, path: str) -> list[Instance]:
        """The processes that answer requests of a path."""
        return [each for each in self.instances if path.split("/")[2] in each.services and not each.is_suspended]

    def ask(self, path: str, body: dict) -> None:
        assert random.choice(self.serving(path)).post(path, body) == 204

    def command(self, *arguments) -> None:
        """Runs a command of the program."""
        command = [CHAOS, *arguments, *self.data.arguments(self.folder / "command")]
        subprocess.run([str(part) for part in command], check=True, timeout=30)

    def enqueue(self, kind: str, *names: str, milliseconds: int = 0) -> None:
        for start in range(0, len(names), 1000):
            body = {"kind": kind, "names": names[start:start + 1000], "milliseconds": milliseconds}
            self.ask("/api/sink/jobs", body)

    def count(self, *subjects: str) -> None:
        self.ask("/api/source/count", {"subjects": subjects})

    # What has been done.

    def rows(self, service: str, sql: str) -> list[tuple]:
        return self.data.rows(service, sql)

    def value(self, service: str, sql: str):
        return self.rows(service, sql)[0][0]

    def numbers(self, service: str, table: str) -> dict[str, list[int]]:
        """What was written down, by subject, in its order."""
        numbers = defaultdict(list)
        for subject, number in self.rows(service, f"SELECT subject, number FROM {table} ORDER BY id"):
            numbers[subject].append(number)
        return numbers

    def check(self) -> None:
        """Every committed number was heard once and in order, and every wanted job and every step of it is done once."""
        truth = dict(self.rows("source", "SELECT subject, number FROM counters"))
        for service, table, step in (("sink", "heard", 1), ("sink", "noticed", 1), ("source", "echoes", 10)):
            found = self.numbers(service, table)
            for subject, last in truth.items():
                expected, heard = list(range(step, last + 1, step)), found.pop(subject, [])
                if table == "noticed":
                    heard.sort()
                assert heard == expected, f"{table} of {subject}: {difference(heard, expected)}"
            assert not found, f"{table}: {found} was never committed"
        wanted = [name for (name,) in self.rows("sink", "SELECT name FROM wanted")]
        wanted += [f"{name} {step}" for name in wanted if name.startswith("crawl") for step in range(10)]
        done = [name for (name,) in self.rows("sink", "SELECT name FROM done WHERE name <> 'tick'")]
        assert sorted(done) == sorted(wanted), f"jobs: {difference(done, wanted)}"

    def check_schedule(self) -> None:
        """Each minute since the first start has one tick."""
        ticks = self.value("sink", "SELECT count(*) FROM done WHERE name = 'tick'")
        slots = self.value("sink", "SELECT count(*) FROM schedule_slots") - 1
        assert ticks == slots, f"{ticks} ticks for {slots} slots"

    @property
    def unfinished(self) -> list[tuple]:
        return [
            (service, *row) for service in ("source", "sink")
            for row in self.rows(service, "SELECT kind, queue, state, count(*), max(attempt), max(crashes) FROM jobs"
                                          " WHERE kind <> 'tick' GROUP BY kind, queue, state")]

    @property
    def unpublished(self) -> int:
        return sum(self.value(service, "SELECT count(*) FROM outbox WHERE published_at IS NULL")
                   for service in ("source", "sink"))

    def settle(self, timeout: float = 60) -> None:
        """Waits until everything is done, then checks it."""
        def is_quiet() -> bool:
            assert not self.unpublished, f"{self.unpublished} events are not published"
            assert not self.unfinished, self.unfinished
            self.check()
            self.check_schedule()
            return True

        eventually("everything is done", is_quiet, timeout)


def difference(found: list, expected: list) -> str:
    missing, more = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    return f"{len(found)} of {len(expected)}; missing {list(missing)[:5]}, too many {list(more)[:5]}, or the order is wrong"


class Clients:
    """Clients that count until they have been asked for enough events, whatever the answers."""

    def __init__(self, platform: Platform, subjects: int = 40, clients: int = 4, jobs: bool = True):
        self.platform, self.jobs = platform, jobs
        self.subjects = [f"subject-{number}" for number in range(subjects)]
        self.answered = self.failed = 0
        self._stopped, self._lock = False, threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(clients)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped = True
        for thread in self._threads:
            thread.join(60)

    def _run(self, client: int) -> None:
        choice, sent = random.Random(client), 0
        while not self._stopped:
            sent += 1
            body = {"subjects": choice.sample(self.subjects, 4), "is_rolled_back": choice.random() < 0.05}
            path, events = "/api/source/count", 0 if body["is_rolled_back"] else 8
            if self.jobs and choice.random() < 0.1:
                kind = choice.choice(["note", "note", "crawl"])
                path, body, events = "/api/sink/jobs", {"kind": kind, "names": [f"{kind}-{client}-{sent}"]}, 0
            try:
                status = choice.choice(self.platform.serving(path)).post(path, body)
            except OSError:
                status = 0
            with self._lock:
                if status == 204:
                    self.answered += events
                elif status != 409:
                    self.failed += 1
            if status in (0, 503):
                time.sleep(0.05)

    def emit(self, events: int, timeout: float = 60) -> None:
        """Waits until this many more events have been emitted."""
        goal = self.answered + events
        eventually(f"{events} events", lambda: self.answered >= goal, timeout)


class Killer:
    """Kills a process at random now and then, and starts it again."""

    def __init__(self, instances: list[Instance], seed: int):
        self.instances, self.choice, self.kills = instances, random.Random(seed), 0

    def kill(self) -> None:
        victim = self.choice.choice(self.instances)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait(10)
        self.kills += 1
        time.sleep(self.choice.uniform(0, 0.3))
        victim.start()
