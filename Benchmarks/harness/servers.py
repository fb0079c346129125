"""Which servers there are and how each is started, as its own documentation recommends."""

from dataclasses import dataclass
from pathlib import Path

from .server import Server

PEERS = Path(__file__).parent.parent / "peers"


@dataclass
class Machine:
    """What the servers are started with."""

    binary: str
    python: str
    database: str
    """The PostgreSQL server's URL, without a database."""
    work: Path
    core: int

    def _server(self, name: str, command: list[str], database: str) -> Server:
        log = self.work / (name.replace(" ", "-") + ".log")
        return Server(name, command, {"DATABASE_URL": f"{self.database}/{database}"}, log, self.core)

    def martlet(self) -> Server:
        return self._server("Martlet", [
            self.binary, "serve", "--only", "catalog", "--listen", "127.0.0.1:{port}",
            "--service", "accounts=http://127.0.0.1:1", "--data-dir", str(self.work / "catalog"),
        ], "martlet")

    def martlet_with_cache(self) -> Server:
        return self._server("Martlet with its cache", [
            self.binary, "serve", "--only", "catalog", "--listen", "127.0.0.1:{port}", "--catalog-cache", "60",
            "--service", "accounts=http://127.0.0.1:1", "--data-dir", str(self.work / "cached"),
        ], "martlet")

    def martlet_behind_gateway(self) -> Server:
        return self._server("Martlet through its gateway", [
            self.binary, "serve", "--port", "{port}", "--data-dir", str(self.work / "platform"),
        ], "martlet")

    def fastapi_asyncpg(self) -> Server:
        return self._peer("FastAPI + asyncpg", "fastapi_asyncpg", "asyncpg")

    def fastapi_sqlalchemy(self) -> Server:
        return self._peer("FastAPI + SQLAlchemy", "fastapi_sqlalchemy", "sqlalchemy")

    def _peer(self, name: str, module: str, database: str) -> Server:
        return self._server(name, [
            self.python, "-m", "uvicorn", f"{module}:app", "--app-dir", str(PEERS), "--host", "127.0.0.1",
            "--port", "{port}", "--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log",
            "--log-level", "warning",
        ], database)
