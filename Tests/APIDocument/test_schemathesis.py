"""Schemathesis sends valid and invalid requests, and checks the responses against the document.

A fixed seed and few examples per operation bound the time. To run more:
    .venv/APIDocument/bin/schemathesis run http://127.0.0.1:8080/openapi.json
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def run(platform, folder: Path, phases: str, *options: str) -> None:
    # One worker: Hypothesis parses source code, which crashes Python 3.11 in two threads at once
    # (python/cpython#106905).
    made = subprocess.run(
        [Path(sys.executable).parent / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run",
         f"{platform.url}/openapi.json", "--workers", "1", "--phases", phases, "--max-examples", "5", "--seed", "1",
         "--no-shrink", "--continue-on-failure", "--warnings", "off", "--request-timeout", "30",
         # Operations that would end the session of the tests themselves.
         "--exclude-path", "/api/auth/logout", *options],
        cwd=folder, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stdout[-8000:] + made.stderr[-2000:]


def test_administrator_responses_match_the_document(platform, tmp_path):
    run(platform, tmp_path, "coverage,fuzzing", "--header", f"Authorization: Bearer {platform.token}")


def test_anonymous_responses_match_the_document(platform, tmp_path):
    run(platform, tmp_path, "fuzzing")
