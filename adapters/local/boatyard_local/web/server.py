"""Runs uvicorn with Boatyard's own shutdown."""

import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import uvicorn

from boatyard_local.web.app import App
from boatyard_local.web.protocol import HEAD_BYTES, BoundedProtocol

_BACKLOG: Final = 1024
_GRACE_SECONDS: Final = 3
"""For running requests when the server stops. Long polls are answered immediately."""
_KEEP_ALIVE_SECONDS: Final = 60
_OPEN_FILES: Final = 16_384


class Server(uvicorn.Server):
    def __init__(
        self,
        app: App,
        *,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
        protocol: type[BoundedProtocol] = BoundedProtocol,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                lifespan="off",
                ws="none",
                log_config=None,
                http=protocol,
                h11_max_incomplete_event_size=HEAD_BYTES,
                # Malformed requests are not logged: strangers could fill the log with them.
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._on_ready = on_ready
        self._on_stop = on_stop

    def serve_on(self, bound: socket.socket) -> None:
        """Serves until SIGTERM, SIGINT or SIGHUP."""
        _allow_many_connections()
        with self._ending_by_signal():
            self.run(sockets=[bound])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)

    @contextmanager
    def _ending_by_signal(self) -> Iterator[None]:
        """uvicorn raises the signal again after its shutdown, which would end the process by the signal instead of exit
        code 0; and it does not handle SIGHUP, which the end of a terminal sends."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, frame: FrameType | None) -> None:
            self.should_exit = True

        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _allow_many_connections() -> None:
    """1,000 waiting callers would use up the soft limit of 1024 open files, the default of most systems."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
