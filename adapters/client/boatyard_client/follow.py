"""Follows a build to its end: its log and progress, across restarts of the service."""

import time
from typing import Final, Protocol

from boatyard.api.messages import LogsAnswer
from boatyard.build import Build
from boatyard.errors import Code
from boatyard_client.endpoint import Endpoint, is_loopback
from boatyard_client.errors import ApiError
from boatyard_client.events import Changed, Log, OnEvent
from boatyard_client.retry import Patience

_RESTART: Final = Patience(seconds=180, absent=True)
_LOG_WAIT_SECONDS: Final = 1.0
_SILENT_WAIT_SECONDS: Final = 25.0
_ROUND_SECONDS: Final = 0.3
_LOCAL_ROUND_SECONDS: Final = 0.05
"""The shortest interval between requests for a build that prints constantly; a local server is cheap to ask."""
_LATE_LINES_SECONDS: Final = 10.0
"""How long the log of an ended build may take to be complete."""


class Asks(Protocol):
    """The requests for a build, as methods of the client."""

    endpoint: Endpoint

    def build(self, build_id: str, *, wait: float = 0, patience: Patience | None = None) -> Build: ...

    def logs(
        self, build_id: str, cursor: str = "", *, wait: float = 0, patience: Patience | None = None
    ) -> LogsAnswer: ...


def follow(client: Asks, build_id: str, tell: OnEvent | None, *, cursor: str = "") -> Build:
    """Returns the ended build. Without `tell`, it only waits for the end."""
    if tell is None:
        while not (build := client.build(build_id, wait=_SILENT_WAIT_SECONDS, patience=_RESTART)).state.ended:
            pass
        return build
    pause = _LOCAL_ROUND_SECONDS if is_loopback(client.endpoint.url) else _ROUND_SECONDS
    shown: object = None
    ended_at: float | None = None
    while True:
        started = time.monotonic()
        page = _page(client, build_id, cursor)
        if page is not None:
            cursor = page.cursor
            if page.lines:
                tell(Log(lines=page.lines))
        build = client.build(build_id, patience=_RESTART)
        if (state := (build.state, build.phase, build.step)) != shown:
            shown = state
            tell(Changed(build=build))
        if build.state.ended:
            ended_at = ended_at or time.monotonic()
            if page is None or page.done or time.monotonic() - ended_at > _LATE_LINES_SECONDS:
                return build
        elif (left := pause - (time.monotonic() - started)) > 0:
            time.sleep(left)


def _page(client: Asks, build_id: str, cursor: str) -> LogsAnswer | None:
    """The next lines; None while a build has no log, as a queued one may."""
    try:
        return client.logs(build_id, cursor, wait=_LOG_WAIT_SECONDS, patience=_RESTART)
    except ApiError as error:
        if error.code != Code.NOT_FOUND:
            raise
        return None
