"""The view of one build: live on a terminal, plain lines elsewhere."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.text import Text

from boatyard_client.client import Outcome
from boatyard_client.events import Event
from boatyard_flyte.show.progress import Progress
from boatyard_flyte.show.screen import Screen

_lock = threading.Lock()
_own: list[Screen] = []
"""The process's one screen, once there is one."""


class View:
    """Told of events, and at the end of the outcome."""

    def __init__(self, progress: Progress, screen: Screen | None) -> None:
        self._progress = progress
        self._screen = screen
        self._ending: str | None = None

    def event(self, event: Event) -> None:
        if self._progress.event(event) and self._screen is None:
            self._print(f"{self._progress.headline} ({self._progress.elapsed()})")

    def finish(self, outcome: Outcome) -> None:
        self._ending = self._progress.ending(outcome)

    def close(self) -> None:
        if self._screen is None:
            if self._ending:
                self._print(self._ending)
            return
        text = Text.assemble((f"{self._progress.name}  ", "bold"), self._ending) if self._ending else None
        self._screen.remove(self._progress, text)

    def _print(self, line: str) -> None:
        print(f"[boatyard] {self._progress.name}: {line}", file=sys.stderr, flush=True)


@contextmanager
def shown(name: str) -> Iterator[View]:
    progress = Progress(name)
    view = View(progress, _joined(progress))
    try:
        yield view
    finally:
        view.close()


def _joined(progress: Progress) -> Screen | None:
    """The screen, with a line for this build; None where plain lines are better.

    While somebody draws live, rich has replaced sys.stderr by a proxy: lines printed there come out above
    the display. If that is not ours but, say, the `flyte` command's, a second one would garble both.
    """
    with _lock:
        if not (_own and _own[0].active):
            console = Console(stderr=True)
            if isinstance(sys.stderr, FileProxy) or not console.is_terminal or console.is_dumb_terminal:
                return None
            _own[:] = [Screen(console)]
        _own[0].add(progress)
        return _own[0]
