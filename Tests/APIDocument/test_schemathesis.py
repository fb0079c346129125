"""Schemathesis sends what the document allows and what it does not, and holds the answers to the document.

Bounded in time: a fixed seed and few examples for each operation. More of them:
    .venv/APIDocument/bin/schemathesis run http://127.0.0.1:8080/openapi.json
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def run(platform, folder: Path, phases: str, *options: str) -> None:
    # One worker: Hypothesis parses source code, which Python 3.11 does not survive in two threads at once
    # (python/cpython#106905).
    made = subprocess.run(
        [Path(sys.executable).parent / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run",
         f"{platform.url}/openapi.json", "--workers", "1", "--phases", phases, "--max-examples", "5", "--seed", "1",
         "--no-shrink", "--continue-on-failure", "--warnings", "off", "--request-timeout", "30",
         # Whoever runs the tests keeps the session that they run with.
         "--exclude-path", "/api/auth/logout", *options],
        cwd=folder, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout[-8000:] + made.stderr[-2000:]


def test_administrator_responses_match_the_document(platform, tmp_path):
    run(platform, tmp_path, "coverage,fuzzing", "--header", f"Authorization: Bearer {platform.token}")


def test_anonymous_responses_match_the_document(platform, tmp_path):
    run(platform, tmp_path, "fuzzing")
