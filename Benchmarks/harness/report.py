"""The Markdown that is printed and kept."""

import os
import platform
import subprocess
from argparse import Namespace
from datetime import date
from pathlib import Path

from .catalog import REQUESTS, Result
from .gateway import Results, Row
from .messaging import RATE
from .messaging import Result as MessagingResult
from .queues import Peer
from .searches import PRODUCTS, SearchResult
from .start import StartResult

REFERENCE = "FastAPI + asyncpg"


def heading(options: Namespace) -> list[str]:
    lines = [f"Measured {date.today()} on {machine()}."]
    versions = []
    if options.what in ("messaging", "messaging-peers"):
        lines[0] += f" The median of {options.rounds} rounds."
    elif options.what != "start":
        lines[0] += (
            f" {options.connections} connections; the median of {options.rounds} rounds of {options.seconds} s each.")
    if options.what in ("catalog", "peers", "all"):
        versions += [postgres(), *python_versions(
            options.python, "FastAPI", "Pydantic", "uvicorn", "asyncpg", "SQLAlchemy")]
    if options.what in ("messaging", "messaging-peers"):
        versions += [postgres(), redis(), *python_versions(
            options.python, "Celery", "procrastinate", "pgqueuer", "oban")]
    if options.what in ("gateway", "all"):
        versions += proxies(options.envoy)
    if versions:
        lines += ["", ", ".join(versions) + "."]
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


def python_versions(python: str, *packages: str) -> list[str]:
    script = """
import platform, importlib.metadata, sys
print("Python", platform.python_version())
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print("no", name)
"""
    return subprocess.run(
        [python, "-c", script, *packages], capture_output=True, text=True, check=True).stdout.splitlines()


def redis() -> str:
    """`Redis server v=7.0.15 sha=…`, shortened."""
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return "Redis " + said.partition("v=")[2].split()[0]


def proxies(envoy: str) -> list[str]:
    def said(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return (done.stdout + done.stderr).strip().splitlines()[0]

    return [
        "nginx " + said("nginx", "-v").rpartition("/")[2], "HAProxy " + said("haproxy", "-v").split()[2],
        "Caddy " + said("caddy", "version").split()[0], "Envoy " + said(envoy, "--version").partition("version:")[2].split("/")[1],
    ]


def gateway(results: Results) -> list[str]:
    lines = proxy_table("Plain proxying", results.plain)
    lines += proxy_table("With JWT, rate limit, metrics, request id and trace context; nginx has none of them",
                         results.policies)
    lines += proxy_table("Plain, HTTP/2 without TLS from the client, 8 streams a connection", results.http2)
    for connections, rows in results.connections:
        lines += proxy_table(f"Plain, {connections} connections", rows)
    lines += proxy_table("Plain, by the number of routes", results.routes)
    lines += ["", "5,000 idle connections", "", "| server | KiB a connection |", "| --- | ---: |"]
    lines += [f"| {name} | {size:.1f} |" for name, size in results.idle]
    lines += [
        "", "1 GiB down and up", "", "| server | down MiB/s | up MiB/s | RSS + MiB |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {row.server} | {row.download:.0f} | {row.upload:.0f} | {row.growth:.1f} |" for row in results.transfers]
    return lines


def proxy_table(title: str, rows: list[Row]) -> list[str]:
    reference = next((row.median("cpu") for row in rows if row.server == "nginx"), None)
    lines = [
        "", title, "", "| server | CPU µs/request | lowest–highest | of nginx's | requests/s | p50 ms | p99 ms | RSS MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cpu, spread = row.median("cpu"), [sample.cpu for sample in row.samples]
        lines.append(
            f"| {row.server} | {cpu:.1f} | {min(spread):.1f}–{max(spread):.1f} "
            f"| {f'{cpu / reference:.2f} ×' if reference else '–'} | {row.median('rate'):.0f} "
            f"| {row.median('p50'):.2f} | {row.median('p99'):.2f} | {row.resident:.0f} |")
    return lines


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


def messaging(results: list[MessagingResult], missing: list[Peer]) -> list[str]:
    reference = next((row.median("cpu") for row in results if row.queue.name == "Martlet"), None)
    lines = [
        "", f"Jobs that do nothing; latency at {RATE} jobs/s", "",
        "| queue | CPU µs/job | lowest–highest | of Martlet's | PostgreSQL or Redis, CPU µs/job | jobs/s "
        "| p50 ms | p99 ms | idle transactions/s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in results:
        cpu, spread = row.median("cpu"), [sample.cpu for sample in row.samples]
        lines.append(
            f"| {row.queue.name} | {cpu:.0f} | {min(spread):.0f}–{max(spread):.0f} "
            f"| {f'{cpu / reference:.1f} ×' if reference else '–'} | {number(row.median('services'), 0)} "
            f"| {row.median('rate'):.0f} | {number(row.latency and row.latency.p50)} "
            f"| {number(row.latency and row.latency.p99)} | {number(row.idle)} |")
    lines.append("")
    lines += [f"- {row.queue.name}: {row.queue.settings}" for row in results if isinstance(row.queue, Peer)]
    lines += [f"- {peer.name}: **not measured**, as pip could not install it for this Python" for peer in missing]
    return lines


def events(results: list[MessagingResult]) -> list[str]:
    return [
        "", "Martlet's events, from the outbox to the handler", "",
        "| transport | CPU µs/event | PostgreSQL and Redis, CPU µs/event | events/s |", "| --- | ---: | ---: | ---: |",
        *(f"| {row.queue.name} | {row.median('cpu'):.0f} | {number(row.median('services'), 0)} "
          f"| {row.median('rate'):.0f} |" for row in results),
    ]


def number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def start(result: StartResult) -> list[str]:
    return [
        "", "The whole platform in one process, on SQLite", "",
        "| what | measured | target |", "| --- | ---: | ---: |",
        f"| start to first 200 through the gateway, existing data | {result.median:.2f} s | ≤ 0.5 s |",
        f"| idle memory, resident | {result.resident:.0f} MiB | ≤ 80 MiB |",
        f"| idle memory, proportional | {result.proportional:.0f} MiB | |",
    ]


def searches(result: SearchResult) -> list[str]:
    lines = [
        "", f"Eight endless searches through {PRODUCTS:,} products on SQLite: what others notice", "",
        "| request | alone, p50 / p99 | beside them, p50 / p99 |", "| --- | ---: | ---: |",
    ]
    for path, (p50, p99) in result.alone.items():
        beside = result.beside[path]
        lines.append(f"| `{path}` | {p50:.2f} / {p99:.2f} ms | {beside[0]:.2f} / {beside[1]:.2f} ms |")
    return lines + [
        "", f"Searches answered: {result.answered}, refused with 503: {result.refused}. "
        f"By id through the gateway, on SQLite: {result.by_id:.0f} µs of CPU time a request.",
    ]
