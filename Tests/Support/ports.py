"""Ports for the servers of the tests in Python."""

import socket


def free_port() -> int:
    """Returns a free TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
