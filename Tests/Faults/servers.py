"""Servers of a test's own, which it stops and starts again, and a proxy that loses connections."""

import grp
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg
from processes import free_port

from process import Process


class Redis(Process):
    """A Redis that remembers nothing after a restart."""

    def __init__(self, folder: Path):
        self.port = free_port()
        super().__init__(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            folder / "redis.log")

    def start(self) -> None:
        super().start()
        self.wait_for(self.port)

    def ask(self, *parts: str) -> str:
        command = ["redis-cli", "-p", str(self.port), *parts]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout


class Postgres(Process):
    def __init__(self):
        self.port, self.folder = free_port(), Path(tempfile.mkdtemp(prefix="martlet-postgres-"))
        binaries = Path(os.environ["MARTLET_TEST_POSTGRES_BIN"])
        # It refuses to run as root.
        self.prefix = []
        if os.getuid() == 0:
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, grp.getgrnam("postgres").gr_gid)
        subprocess.run(
            [*self.prefix, binaries / "initdb", "--pgdata", self.folder / "data", "--username", "martlet", "--auth", "trust",
             "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"], check=True, stdout=subprocess.DEVNULL)
        super().__init__(
            [*self.prefix, binaries / "postgres", "-D", self.folder / "data", "-p", self.port, "-k", self.folder,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=300"],
            self.folder / "log")

    def start(self) -> None:
        super().start()
        deadline = time.monotonic() + 30
        while True:
            try:
                self.rows("postgres", "SELECT 1")
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """Stops the server as a power failure would."""
        self.signal(signal.SIGQUIT)
        self.process.wait(10)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, port: int | None = None) -> str:
        return f"postgres://martlet@127.0.0.1:{port or self.port}/{database}"

    def rows(self, database: str, sql: str, schema: str = "public") -> list[tuple]:
        """Runs a statement in a transaction of its own. Returns its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True, options=f"-c search_path={schema}") as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []


class Proxy:
    """Forwards connections. Those on which a text was sent can be cut so that neither side learns of it, and the answers
    with another text can be lost with their connection."""

    def __init__(self, port: int, text: bytes):
        self.target, self.text = port, text
        """The connection whose answer has this text is closed instead, once."""
        self.losing: bytes | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        """The connections on which the text was sent, and those of them that are cut."""
        self.marked, self.cut = set(), set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(client,), daemon=True).start()

    def forward(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        with client, server:
            try:
                while True:
                    for ready in select.select([client, server], [], [])[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        if ready is client and self.text in data:
                            self.marked.add(client)
                        if ready is server and self.losing and self.losing in data:
                            self.losing = None
                            return
                        # What is cut is read and thrown away: the sender believes that it has arrived.
                        if client not in self.cut:
                            (server if ready is client else client).sendall(data)
            except OSError:
                return
            finally:
                self.marked.discard(client)

    def cut_silently(self) -> int:
        """Cuts the marked connections. Returns their number."""
        new = self.marked - self.cut
        self.cut |= new
        return len(new)

    def close(self) -> None:
        self.listener.close()
