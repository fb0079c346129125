"""The Markdown that is printed and kept."""

import os
import platform
import subprocess
from argparse import Namespace
from datetime import date
from pathlib import Path

from .catalog import REQUESTS, Result
from .start import StartResult

REFERENCE = "FastAPI + asyncpg"


def heading(options: Namespace) -> list[str]:
    lines = [f"Measured {date.today()} on {machine()}."]
    if options.what != "start":
        lines[0] += (
            f" {options.connections} connections; the median of {options.rounds} rounds of {options.seconds} s each.")
        lines += ["", ", ".join([postgres(), *peers(options.python)]) + "."]
    if options.busy > 0.5:
        lines += ["", f"**The machine was not idle** (load {options.busy} at the start): run again when it is."]
    if "release" not in Path(options.binary).parts:
        lines += ["", "**Martlet is not the release build**: its figures mean nothing."]
    return lines


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine())
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release().split('-')[0]}"


def postgres() -> str:
    """`postgres (PostgreSQL) 15.14 (Debian …)`, shortened."""
    return "PostgreSQL " + os.environ["BENCH_POSTGRES"].split()[2]


def peers(python: str) -> list[str]:
    script = """
import platform, importlib.metadata
print("Python", platform.python_version())
for name in ("FastAPI", "Pydantic", "uvicorn", "asyncpg", "SQLAlchemy"):
    print(name, importlib.metadata.version(name))
"""
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()


def catalog(results: list[Result]) -> list[str]:
    lines = []
    for path, title in REQUESTS.items():
        rows = [result for result in results if result.path == path]
        reference = next((row.median("cpu") for row in rows if row.server == REFERENCE), None)
        lines += [
            "", f"`GET {path}` ({title})", "",
            f"| server | CPU µs/request | lowest–highest | less than {REFERENCE} | requests/s | p50 ms | p99 ms | RSS MiB |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for row in rows:
            cpu = row.median("cpu")
            ratio = f"{reference / cpu:.1f} ×" if reference else "–"
            spread = [sample.cpu for sample in row.samples]
            lines.append(
                f"| {row.server} | {cpu:.0f} | {min(spread):.0f}–{max(spread):.0f} | {ratio} | {row.median('rate'):.0f} "
                f"| {row.median('p50'):.1f} | {row.median('p99'):.1f} | {row.resident:.0f} |")
    return lines


def start(result: StartResult) -> list[str]:
    return [
        "", "The whole platform in one process, on SQLite", "",
        "| what | measured | target |", "| --- | ---: | ---: |",
        f"| start to first 200 through the gateway, existing data | {result.median:.2f} s | ≤ 0.5 s |",
        f"| idle memory, resident | {result.resident:.0f} MiB | ≤ 80 MiB |",
        f"| idle memory, proportional | {result.proportional:.0f} MiB | |",
    ]
