"""Every recipe of the gateway's guide works as pasted: its file, its commands, and what they print."""

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MARTLET = ROOT / ".build" / "debug" / "martlet"
GUIDE = ROOT / "docs" / "guides" / "gateway.md"
# Those of the guide, which may be taken on this machine.
PORTS = ["8080", "8081", "9000", "9001", "9002", "50051"]
START = "martlet serve --gateway-file gateway.yaml"

# A server that the reader starts in a second terminal runs in the background here, with data of its own.
PRELUDE = """
martlet() {
  "$MARTLET" "$@" --listen 127.0.0.1:8080 --data-dir data >martlet.log 2>&1 &
  for _ in $(seq 200); do
    if (: </dev/tcp/127.0.0.1/8080) 2>/dev/null && curl -skf "$HEALTH" >/dev/null; then return; fi
    sleep 0.1
  done
  cat martlet.log
  exit 1
}
"""


@dataclass
class Section:
    title: str
    blocks: list[tuple[str, str]] = field(default_factory=list)
    """Language and text, in the order of the guide."""
    files: dict[str, str] = field(default_factory=dict)


def sections() -> tuple[Section, list[Section]]:
    """What comes before the first recipe, and the recipes."""
    text = GUIDE.read_text()
    text = text[text.index("\n## Recipes\n"):]
    text = text[:text.index("\n## ", 4)]
    found = []
    for part in re.split(r"\n### ", text):
        title, rest = part.split("\n", 1)
        section = Section(title)
        paragraph = ""
        for piece in re.split(r"(?ms)^(```\w*\n.*?^```)$", rest):
            if not piece.startswith("```"):
                paragraph = piece
                continue
            language, block = piece.strip("`").split("\n", 1)
            if language == "yaml":
                section.files["gateway.yaml"] = block
            elif language in ("python", "proto"):
                section.files[re.findall(r"`(\w+\.\w+)`", paragraph)[-1]] = block
            else:
                section.blocks.append((language, block))
        found.append(section)
    return found[0], found[1:]


INTRODUCTION, RECIPES = sections()


def free_ports(count: int) -> list[str]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def expected(text: str) -> str:
    """A pattern for what a block of the guide shows: `…` stands for anything, also for lines."""
    return ".*".join(re.escape(part.strip()) for part in text.strip().split("…"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_works_as_pasted(recipe, tmp_path):
    ports = dict(zip(PORTS, free_ports(len(PORTS))))

    def with_free_ports(text: str) -> str:
        return re.sub(r"\b(" + "|".join(PORTS) + r")\b", lambda match: ports[match[0]], text)

    for name, text in (INTRODUCTION.files | recipe.files).items():
        (tmp_path / name).write_text(with_free_ports(text))
    # The packages that a recipe installs are those of the tests.
    (tmp_path / "venv").symlink_to(sys.prefix)
    (tmp_path / "data").mkdir(mode=0o700)

    app, _ = [text for language, text in INTRODUCTION.blocks if language == "sh"]
    commands = [text for language, text in recipe.blocks if language == "sh"]
    script = PRELUDE + app
    if not any("martlet serve" in text for text in commands):
        script += START + "\n"
    shown = []
    for language, text in recipe.blocks:
        if language == "sh":
            script += re.sub(r"(?m)^python3 -m venv .*\n", "", text)
        else:
            shown.append(text)
            script += "echo '--- shown'\n"
    https = "tls:" in recipe.files["gateway.yaml"]
    environment = os.environ | {
        "MARTLET": str(MARTLET), "PYTHONDONTWRITEBYTECODE": "1",
        "HEALTH": with_free_ports(f"http{'s' if https else ''}://127.0.0.1:8080/health/ready"),
        "MARTLET_ADMIN_PASSWORD": "the-password-that-was-shown"}
    shell = subprocess.Popen(
        ["bash", "-c", with_free_ports(script)], cwd=tmp_path, env=environment, text=True, start_new_session=True,
        stdout=(tmp_path / "output").open("w"), stderr=(tmp_path / "errors").open("w"))
    try:
        shell.wait(120)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
    output = (tmp_path / "output").read_text()
    for port, free in ports.items():
        output = output.replace(free, port)
    answers = output.split("--- shown\n")
    assert len(answers) == len(shown) + 1, output
    for answer, text in zip(answers, shown):
        assert re.fullmatch(expected(text), answer.strip(), re.S), f"shown:\n{text}\nanswered:\n{answer}\n{(tmp_path / 'errors').read_text()}"


def test_there_are_recipes():
    assert len(RECIPES) >= 10
