"""The gateway and the proxies it is compared with, each with a configuration as its own documentation recommends."""

import base64
import hashlib
import hmac
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from processes import free_port

from .server import BenchError, Server

CONFIGURATIONS = Path(__file__).parent.parent / "peers" / "gateway"
ANSWER = json.dumps({"id": 1, "name": "Chai", "description": "x" * 140, "stock": 39})
KEY = hashlib.sha256(b"a key for the benchmark alone").hexdigest().encode()


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token() -> str:
    """A JWT that all gateways are told to accept (HS256, good for an hour)."""
    header = {"alg": "HS256", "kid": "bench", "typ": "JWT"}
    claims = {"iss": "bench", "aud": "bench", "sub": "1", "exp": int(time.time()) + 3600}
    signed = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{signed}.{encoded(hmac.digest(KEY, signed.encode(), 'sha256'))}"


@dataclass
class Proxies:
    """Makes the servers; what they write goes into a folder that is gone afterwards."""

    binary: str
    envoy: str
    work: Path
    core: int
    backend_core: int

    def backend(self) -> Server:
        return self._server("backend", ["nginx", "-p", str(self.work), "-c", "{file}"], "backend.conf",
                            {"answer": ANSWER}, core=self.backend_core)

    def nginx(self, backend: Server) -> Server:
        # Without TLS, this nginx speaks one version of HTTP on a port.
        http2_port = free_port()
        server = self._server("nginx", ["nginx", "-p", str(self.work), "-c", "{file}"], "nginx.conf",
                              {"http2": str(http2_port)}, backend)
        server.http2_port = http2_port
        return server

    def redis(self) -> Server:
        return self._make("Redis", ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", ""],
                          self.backend_core)

    def haproxy(self, backend: Server) -> Server:
        return self._server("HAProxy", ["haproxy", "-f", "{file}"], "haproxy.cfg", {}, backend)

    def caddy(self, backend: Server) -> Server:
        server = self._server(
            "Caddy", ["caddy", "run", "--adapter", "caddyfile", "--config", "{file}"], "Caddyfile", {}, backend)
        server.environment = {"GOMAXPROCS": "1", "HOME": str(self.work), "XDG_DATA_HOME": str(self.work)}
        return server

    def envoy_plain(self, backend: Server) -> Server:
        return self._envoy("Envoy", "", backend)

    def envoy_with_policies(self, backend: Server) -> Server:
        filters = (CONFIGURATIONS / "envoy-policies.yaml").read_text().rstrip("\n").replace("{key}", encoded(KEY))
        return self._envoy("Envoy, JWT + local rate limit", filters, backend)

    def martlet(self, backend: Server, routes: int = 1) -> Server:
        name = "Martlet" if routes == 1 else f"Martlet, {routes} routes"
        return self._martlet(name, backend, [f"/service{number}" for number in range(1, routes)], {})

    def martlet_with_policies(self, backend: Server, redis: Server | None = None) -> Server:
        policies = {
            "authentication": {"jwt": {
                "issuer": "bench", "audience": "bench",
                "keys": [{"algorithm": "HS256", "kid": "bench", "secret": KEY.decode()}]}},
            "rate_limit": [{"by": "client", "requests": 1_000_000, "per": "1s", "shared": redis is not None}],
        }
        if redis is None:
            return self._martlet("Martlet, JWT + rate limit", backend, [], policies)
        shared = {"redis": {"url": f"redis://127.0.0.1:{redis.port}"}}
        return self._martlet("Martlet, JWT + rate limit in Redis", backend, [], policies, shared)

    def _martlet(
        self, name: str, backend: Server, prefixes: list[str], policies: dict, top: dict | None = None
    ) -> Server:
        file = self.work / f"{name.replace(' ', '-').replace(',', '')}.yaml"
        route = {"upstream": "backend"} | policies
        routes = [{"name": f"r{index}", "prefix": prefix} | route for index, prefix in enumerate(["/", *prefixes])]
        # JSON is YAML.
        file.write_text(json.dumps({
            "limits": {"request_body": "2GiB"},
            "upstreams": {"backend": {"endpoints": [f"http://127.0.0.1:{backend.port}"], "maximum_connections": 2048}},
            "routes": routes} | (top or {})))
        return self._make(name, [
            self.binary, "serve", "--only", "gateway", "--port", "{port}", "--gateway-file", str(file),
            "--data-dir", str(self.work / file.stem)], self.core)

    def _envoy(self, name: str, filters: str, backend: Server) -> Server:
        command = [self.envoy, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", "{file}"]
        return self._server(name, command, "envoy.yaml", {"filters": filters}, backend, suffix=".yaml")

    def _server(
        self, name: str, command: list[str], template: str, values: dict[str, str], backend: Server | None = None,
        core: int | None = None, suffix: str = ".conf",
    ) -> Server:
        if shutil.which(command[0]) is None:
            raise BenchError(f"needs {command[0]}")
        server = self._make(name, [], self.core if core is None else core)
        text = (CONFIGURATIONS / template).read_text()
        values = values | {"work": str(self.work), "port": str(server.port)}
        if backend is not None:
            values["backend"] = str(backend.port)
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        file = self.work / f"{server.port}{suffix}"
        file.write_text(text)
        server.command = [part.replace("{file}", str(file)) for part in command]
        return server

    def _make(self, name: str, command: list[str], core: int) -> Server:
        return Server(name, command, {}, self.work / f"{name.replace(' ', '-').replace(',', '')}.log", core)
