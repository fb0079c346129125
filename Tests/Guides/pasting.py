"""Pastes the files and commands of a section of a guide into a shell, to test the guides."""

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDES = ROOT / "docs" / "guides"
MARTLET = ROOT / ".build" / "debug" / "martlet"
PASSWORD = "the-password-that-was-shown"
"""The first administrator's password in the guides."""

# A server that the reader starts in another terminal runs in the background here, with its own data.
PRELUDE = """
martlet() {
  "$MARTLET" "$@" --listen 127.0.0.1:8080 --data-dir data >martlet.log 2>&1 &
  for _ in $(seq 200); do
    for scheme in http https; do
      if curl -skf $scheme://127.0.0.1:8080/health/ready >/dev/null; then return; fi
    done
    sleep 0.1
  done
  cat martlet.log >&2
  exit 1
}
wait_for() {
  for _ in $(seq 200); do
    if (: <>/dev/tcp/127.0.0.1/$1) 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "nothing listens at $1" >&2
  exit 1
}
"""


@dataclass
class Block:
    """A block of code. `sh` blocks are run, files are written, and other blocks show the output of commands."""

    language: str
    text: str
    file: str | None
    is_appended: bool

    @property
    def is_shown(self) -> bool:
        return self.file is None and self.language != "sh"

    @property
    def script(self) -> str:
        if self.file is not None:
            return f"cat {'>>' if self.is_appended else '>'}{self.file} <<'END_OF_FILE'\n{self.text}END_OF_FILE\n"
        if self.language != "sh":
            return "echo '--- shown'\n"
        # The tests use their own packages instead of those that a guide installs.
        commands = re.sub(r"(?m)^python3 -m venv .*\n", "", self.text)
        # A server may need longer to start than the next command takes to be pasted.
        return re.sub(r"(?m)^.*\b(\d{4,5})\b.* &$", r"\g<0>\nwait_for \1", commands)


def parts(guide: str, heading: str) -> dict[str, list[Block]]:
    """The blocks below a heading of a guide, by subheading; those before the first subheading by the heading itself."""
    text = (GUIDES / guide).read_text()
    text = text[text.index(f"\n{heading}\n") + 1:]
    level = heading.split(" ")[0]
    text = re.split(rf"\n#{{1,{len(level)}}} ", text)[0]
    found = {}
    for part in re.split(rf"\n{level}# ", text):
        title, rest = part.split("\n", 1)
        found[title.removeprefix(f"{level} ")] = blocks(rest)
    return found


def blocks(text: str) -> list[Block]:
    found = []
    paragraph = ""
    for piece in re.split(r"(?ms)^(```\w*\n.*?^```)$", text):
        if not piece.startswith("```"):
            paragraph = piece
            continue
        language, block = piece.strip("`").split("\n", 1)
        file = None
        if language in ("python", "proto", "yaml"):
            names = re.findall(r"`([\w/]+\.(?:py|proto|yaml))`", paragraph)
            file = names[-1] if names else "gateway.yaml"
        found.append(Block(language, block, file, "end of `" in paragraph))
    return found


def free_ports(count: int) -> list[str]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def paste(pasted: list[Block], folder: Path, numbers: list[str]) -> None:
    """Runs the commands in the folder and compares what they print with what the guide shows.

    numbers: the ports of the guide, which may be taken on this machine.
    """
    ports = dict(zip(numbers, free_ports(len(numbers))))
    script = PRELUDE + "".join(block.script for block in pasted)
    script = re.sub(r"\b(" + "|".join(numbers) + r")\b", lambda match: ports[match[0]], script)
    (folder / "venv").symlink_to(sys.prefix)
    (folder / "data").mkdir(mode=0o700)
    environment = os.environ | {
        "MARTLET": str(MARTLET), "MARTLET_ADMIN_PASSWORD": PASSWORD, "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "output").open("w") as output, (folder / "errors").open("w") as errors:
        shell = subprocess.Popen(
            ["bash", "-c", script], cwd=folder, env=environment, stdout=output, stderr=errors, start_new_session=True)
        try:
            shell.wait(120)
        finally:
            # Including everything that it has started in the background.
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
    answer = (folder / "output").read_text()
    for number, port in ports.items():
        answer = answer.replace(port, number)
    answers = answer.split("--- shown\n")
    shown = [block.text for block in pasted if block.is_shown]
    errors = (folder / "errors").read_text()
    assert len(answers) == len(shown) + 1, f"{answer}\n{errors}"
    for answer, text in zip(answers, shown):
        assert re.fullmatch(pattern(text), answer.strip(), re.S), f"shown:\n{text}\nprinted:\n{answer}\n{errors}"


def pattern(text: str) -> str:
    """`…` stands for anything."""
    return ".*".join(re.escape(part.strip()) for part in text.strip().split("…"))
