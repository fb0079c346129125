"""A process of a test, which the test kills, stops and starts again."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path


class Process:
    def __init__(self, command: list, log: Path, **environment: str):
        self.command, self.log, self.process = [str(part) for part in command], log, None
        self.environment = environment

    def start(self) -> None:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | self.environment
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            # Resume a suspended process first, so that it receives the signal.
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        if self.process:
            self.process.wait(10)

    def wait_for(self, port: int) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError(self.log.read_text(errors="replace"))
