"""What the tests in Python and the benchmarks share: the built binary, free ports, and the end of processes."""

import socket
import subprocess
from pathlib import Path

MARTLET = Path(__file__).resolve().parent.parent.parent / ".build" / "debug" / "martlet"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(*processes: subprocess.Popen, within: float = 15) -> None:
    """Ends processes: all are asked first, and one that has not ended in time is killed."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
