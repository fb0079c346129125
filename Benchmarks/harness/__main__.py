"""Called by script/bench, which has made the database and the virtual environment."""

import argparse
import os
import signal
import sys
from pathlib import Path

from . import catalog, gateway, messaging, report, searches, start
from .load import Load
from .proxies import Proxies
from .server import BenchError, Server
from .servers import Machine
from .services import Services


def servers(machine: Machine, what: str) -> list[Server]:
    asyncpg, sqlalchemy = machine.fastapi_asyncpg(), machine.fastapi_sqlalchemy()
    match what:
        case "peers":
            return [asyncpg, sqlalchemy]
        case _:
            return [
                machine.martlet(), machine.martlet_with_cache(), machine.martlet_behind_gateway(), asyncpg, sqlalchemy,
            ]


def messaging_lines(options: argparse.Namespace, cores: list[int]) -> list[str]:
    services = Services.on(cores[-1], options.work)
    contenders = messaging.Contenders(
        services, Path(options.python), options.messaging, options.work, cores[0])
    peers = contenders.peers()
    missing = [peer for peer in peers if not peer.is_installed()]
    queues = [] if options.what == "messaging-peers" else contenders.martlet()
    queues += [peer for peer in peers if peer not in missing]
    services.start()
    try:
        lines = report.messaging(messaging.measure(queues, options.rounds), missing)
        if options.what == "messaging":
            lines += report.events(messaging.measure_events(contenders.events(), options.rounds))
        return lines
    finally:
        services.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="harness")
    parser.add_argument("what", choices=[
        "catalog", "gateway", "messaging", "messaging-peers", "peers", "searches", "start", "all"])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--messaging", required=True, help="the program that measures Martlet's jobs")
    parser.add_argument("--python", required=True)
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--busy", type=float, required=True, help="the machine's load before the benchmark")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("needs two cores: one for the server, one for the load and the database")

    lines = report.heading(options)
    if options.what in ("catalog", "peers", "all"):
        machine = Machine(
            options.binary, options.python, os.environ["BENCH_DATABASE"], options.work, core=cores[0])
        load = Load(cores[-1], options.connections)
        results = catalog.measure(
            machine, load, servers(machine, options.what), options.work / "products.csv", options.seconds,
            options.rounds)
        lines += report.catalog(results)
    if options.what in ("gateway", "all"):
        proxies = Proxies(options.binary, options.envoy, options.work / "gateway", cores[0], cores[-1])
        proxies.work.mkdir()
        lines += report.gateway(
            gateway.measure(proxies, cores[-1], options.connections, options.seconds, options.rounds))
    if options.what in ("messaging", "messaging-peers"):
        lines += messaging_lines(options, cores)
    if options.what in ("searches", "all"):
        lines += report.searches(searches.measure(
            options.binary, options.work, Load(cores[-1], options.connections), cores[0], options.seconds, options.rounds))
    if options.what in ("start", "all"):
        lines += report.start(start.measure(options.binary, options.work))

    text = "\n".join(lines) + "\n"
    print("\n" + text)
    target = Path(__file__).parent.parent / "results" / "latest.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)


if __name__ == "__main__":
    # So that the servers are stopped when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
