"""TCP ports on the loopback address."""

from __future__ import annotations

import socket

from medley_stack.errors import StackError
from medley_stack.process import say

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """True when nothing listens there and we may."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose(preferred: int, taken: set[int] | None = None) -> int:
    """The preferred port or the next free one above it.

    Raises:
        StackError: two hundred ports in a row are in use.
    """
    avoid = taken or set()
    for port in range(preferred, min(preferred + 200, 65536)):
        if port not in avoid and is_free(port):
            if port != preferred:
                say(f"port {preferred} is taken: using {port}")
            return port
    raise StackError(
        f"No free port between {preferred} and {preferred + 199} on {HOST}.",
        "Stop some of the servers there (`ss -ltn` lists them).",
    )


def any_free() -> int:
    """A port that the system picks; for clusters that live for one test."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
