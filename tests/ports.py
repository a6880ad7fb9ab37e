"""A port for a server that another process opens, or for nobody."""

import random
import socket
from typing import Final

_PORTS: Final = range(20_000, 32_000)
"""Below the ports that systems use for `bind(0)` and outgoing connections (Linux: 32768, others: 49152)."""


def free_port() -> int:
    """Nobody listens there. Until the caller's server does, other tests' servers and connections get other ports: one
    that the kernel chose could be given to them at any time."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
