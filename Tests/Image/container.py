"""Runs the image as Docker and Podman do: with an OCI runtime, in its own namespaces, with the image's configuration."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

DATA = "/var/lib/martlet"


class Container:
    """A container with the settings of the image and of Deploy/compose.yaml. It uses the tests' network."""

    def __init__(self, image: dict, service: dict, root: Path, folder: Path, variables: dict, files: dict):
        self.image, self.service, self.root, self.folder = image, service, root, folder
        self.files, self.log, self.process = files, folder / "log", None
        self.variables = dict(variable.split("=", 1) for variable in image["Env"]) | variables
        self.user, self.group = (int(part) for part in image["User"].split(":"))
        self.url = f"http://127.0.0.1:{self.variables['MARTLET_LISTEN'].rpartition(':')[2]}"
        self.command = [*image["Entrypoint"], *image["Cmd"]]

    def start(self) -> "Container":
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._start_command(), stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < deadline, self.output
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        try:
            return self.call("GET", "/health/ready")[0] == 200
        except OSError:
            return False

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs a command in the container, like `docker exec`."""
        return subprocess.run(self._execute_command(arguments), capture_output=True, text=True, timeout=60)

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def call(self, method: str, path: str, body: object = None, token: str = "") -> tuple[int, dict | None]:
        """The status and the JSON of an answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def status(self) -> dict[str, str]:
        """The kernel's status of the program's process."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def stop(self) -> tuple[int, float]:
        """Sends SIGTERM, like `docker stop`. Returns the exit status and the seconds it took."""
        start = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(30), time.monotonic() - start

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait(10)

    @property
    def _crun(self) -> list[str]:
        return ["crun", "--root", str(self.folder / "state"), "--cgroup-manager", "disabled"]

    @property
    def name(self) -> str:
        return f"martlet-{self.folder.name}"

    def _start_command(self) -> list[str]:
        bundle, data = self.folder / "bundle", self.folder / "data"
        bundle.mkdir(exist_ok=True)
        if not data.exists():
            # Like an engine, create a new volume with the owner in the image.
            data.mkdir(mode=(self.root / DATA.lstrip("/")).stat().st_mode & 0o777)
            os.chown(data, self.user, self.group)
        (bundle / "config.json").write_text(json.dumps(self._configuration(data)))
        pid_file = self.folder / "pid"
        pid_file.unlink(missing_ok=True)
        return [*self._crun, "run", "--bundle", str(bundle), "--pid-file", str(pid_file), self.name]

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def _configuration(self, data: Path) -> dict:
        volume, = (volume for volume in self.service["volumes"] if volume.endswith(f":{DATA}"))
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": volume.rpartition(":")[2], "source": str(data), "options": ["bind", "rw"]},
        ]
        for number, (path, content) in enumerate(self.files.items()):
            source = self.folder / f"file-{number}"
            source.write_bytes(content)
            source.chmod(0o444)
            mounts.append({"destination": path, "source": str(source), "options": ["bind", "ro"]})
        return {
            "ociVersion": "1.0.0",
            "process": self._process(self.command),
            "root": {"path": str(self.root), "readonly": self.service["read_only"]},
            "mounts": mounts,
            "linux": {"namespaces": [{"type": type} for type in ("pid", "mount", "ipc", "uts")]},
        }

    def _process(self, arguments: list[str]) -> dict:
        assert self.service["cap_drop"] == ["ALL"], "what is not dropped would have to be listed here"
        return {
            "user": {"uid": self.user, "gid": self.group}, "args": arguments, "cwd": self.image["WorkingDir"],
            "env": [f"{name}={value}" for name, value in self.variables.items()],
            "capabilities": {}, "noNewPrivileges": "no-new-privileges:true" in self.service["security_opt"],
        }

    def _execute_command(self, arguments: tuple[str, ...]) -> list[str]:
        process = self.folder / "process.json"
        process.write_text(json.dumps(self._process(list(arguments))))
        return [*self._crun, "exec", "--process", str(process), self.name]
