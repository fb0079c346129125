"""Separate namespaces for the tests: a network in which the image's ports are free and name servers can be started."""

import ctypes
import fcntl
import os
import socket
import struct

NEW_MOUNTS, NEW_NETWORK = 0x00020000, 0x40000000
RECURSIVE, PRIVATE = 0x4000, 0x40000
HYBRID_CGROUPS = "/sys/fs/cgroup/unified"
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1


def enter_own_namespaces() -> None:
    """Moves this process, and processes that it starts later, into a network with only a loopback, and its own mounts.

    Requires root, or a user namespace such as that of `buildah unshare`.
    """
    library = ctypes.CDLL(None, use_errno=True)
    assert library.unshare(NEW_MOUNTS | NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
    assert library.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None) == 0
    if os.path.exists(HYBRID_CGROUPS):
        # crun does not start with cgroups of both versions, even if it uses none.
        assert library.mount(b"none", HYBRID_CGROUPS.encode(), b"tmpfs", 0, None) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags, = struct.unpack_from("H", fcntl.ioctl(any_socket, GET_FLAGS, request), 16)
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14s", b"lo", flags | UP, b""))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

