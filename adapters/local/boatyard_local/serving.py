"""Runs the server: locks the state folder, binds a loopback port, and serves until it is stopped."""

import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from boatyard.errors import BoatyardError
from boatyard.ports import Registry
from boatyard.settings import Settings
from boatyard_local import durable, server_process
from boatyard_local.jobs import Argv
from boatyard_local.state import StateFolder
from boatyard_local.web.hosts import loopback


class ServeError(Exception):
    """The server cannot start. The text is one line with the reason and advice."""


def serve(
    settings: Settings,
    state_dir: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
    *,
    host_names: Iterable[str] = (),
    argv: Argv | None = None,
    registry: Registry | None = None,
) -> None:
    """Serves the API of one state folder until SIGTERM or SIGINT; running builds continue after that.

    Port 0 reuses the port of this folder's last server, so that waiting clients find it again, or else takes a free
    one. `on_ready` receives the URL. `host_names` are accepted besides the loopback names, for a reverse proxy. Raises
    ServeError.
    """
    # Importing uvicorn and the adapters takes 0.3 s, and `boatyard_local.engine` needs none of them.
    from boatyard_local.logging_setup import log_to
    from boatyard_local.web.server import Server
    from boatyard_local.wiring import wire

    state = StateFolder(Path(state_dir).absolute())
    try:
        with ExitStack() as stack:
            stack.enter_context(server_process.claim(state))
            log_to()
            bound = stack.enter_context(_bind(host, port) if port else _bind_again(host, _last_port(state)))
            number = bound.getsockname()[1]
            durable.write(state.port, b"%d" % number)
            url = f"http://{_name(bound)}:{number}"
            version = server_process.fingerprint(settings)
            wired = stack.enter_context(
                wire(settings, state, url=url, port=number, host_names=host_names, argv=argv, registry=registry)
            )

            def ready() -> None:
                stack.enter_context(server_process.announced(state, url, version))
                if on_ready is not None:
                    on_ready(url)

            Server(wired.app, on_ready=ready, on_stop=wired.app.stop).serve_on(bound)
    except server_process.AlreadyServed as error:
        raise ServeError(f"{error}; stop that one, or use another state folder") from None
    except BoatyardError as error:
        raise ServeError(error.detail) from None


def _last_port(state: StateFolder) -> int:
    """Returns 0 without one."""
    try:
        return int(state.port.read_bytes())
    except (OSError, ValueError):
        return 0


def _bind_again(host: str, port: int) -> socket.socket:
    try:
        return _bind(host, port)
    except ServeError:
        return _bind(host, 0)


def _bind(host: str, port: int) -> socket.socket:
    try:
        address = loopback(host)
    except ValueError as error:
        raise ServeError(str(error)) from None
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio disables Nagle's algorithm only if the protocol is given; with it, an answer takes 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ServeError(f"{address} port {port} cannot be bound: {reason.lower()}; port 0 takes a free one") from None
    return bound


def _name(bound: socket.socket) -> str:
    """The address as in URLs."""
    address = str(bound.getsockname()[0])
    return f"[{address}]" if ":" in address else address
