"""Chooses loopback ports."""

import socket
from typing import Final

# Below the ephemeral range (32768 and up), so that no outgoing connection uses it; not 5000, which macOS uses.
_FIRST: Final = 5050
_LAST: Final = 5149


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As in servers, a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """The preferred port if it is free, else the first free one of this range, else any."""
    if preferred and is_free(preferred):
        return preferred
    for port in range(_FIRST, _LAST + 1):
        if is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)  # noqa: S101 - for the type checker: getsockname is Any
        return port
