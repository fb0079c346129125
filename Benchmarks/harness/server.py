"""A server that is measured: started on its core, watched through /proc, stopped by its process id."""

import http.client
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from processes import free_port, stop


class BenchError(Exception):
    """Why there is no result, in one line."""


@dataclass
class Server:
    name: str
    command: list[str]
    """Has {port} where the port belongs."""
    environment: dict[str, str]
    log: Path
    core: int | None = None
    """None: any."""
    port: int = field(default_factory=free_port)
    http2_port: int | None = None
    """Where it speaks HTTP/2 without TLS, if not on its port."""
    process: subprocess.Popen | None = None

    def start(self) -> None:
        pin = [] if self.core is None else ["taskset", "--cpu-list", str(self.core)]
        command = [part.replace("{port}", str(self.port)) for part in self.command]
        with self.log.open("wb") as log:
            # taskset becomes the server: the process id is the server's own.
            self.process = subprocess.Popen(
                pin + command, env=os.environ | self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is None:
            return
        stop(self.process)
        self.process = None

    def get(self, path: str, header: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            name, _, value = header.partition(": ")
            connection.request("GET", path, headers={name: value} if name else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def wait_for(self, path: str, pause: float = 0.02, headers: str = "") -> None:
        """Returns at the first 200."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at start: {self.last_words()}")
            try:
                if self.get(path, headers)[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(pause)
        raise BenchError(f"{self.name} did not answer {path} with 200 within 60 s: {self.last_words()}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def family(self) -> list[int]:
        return family(self.process.pid)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def memory(self) -> tuple[float, float]:
        """Resident and proportional set size in MiB."""
        resident = proportional = 0.0
        for pid in self.family():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                key, value = line.split(":")
                resident += int(value.split()[0]) / 1024 if key == "Rss" else 0
                proportional += int(value.split()[0]) / 1024 if key == "Pss" else 0
        return resident, proportional


def family(pid: int) -> list[int]:
    """A process and those it has started: nginx works in a child."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process and its children, ended ones included, since their start."""
    ticks = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # It has just ended: its parent has its time.
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def until(condition: Callable[[], bool], seconds: float, what: str, server: Server, pause: float = 0.02) -> None:
    """Waits for the condition; fails if the server ends first."""
    deadline = time.monotonic() + seconds
    while not condition():
        if server.process.poll() is not None:
            raise BenchError(f"{server.name} ended: {server.last_words()}")
        if time.monotonic() > deadline:
            raise BenchError(f"{server.name}: {what} takes longer than {seconds:.0f} s: {server.last_words()}")
        time.sleep(pause)
