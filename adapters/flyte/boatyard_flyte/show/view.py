"""The view of one build: live on a terminal, plain lines elsewhere."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.text import Text

from boatyard_client.client import Outcome
from boatyard_client.display.story import Story
from boatyard_client.display.text import printable, seconds
from boatyard_client.events import Changed, Event
from boatyard_flyte.show.screen import Row, Screen

_lock = threading.Lock()
_own: list[Screen] = []
"""The process's only screen, once it exists."""


class View:
    """Follows events, and at the end says what came of them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.story = Story(say=self._line, began=self._line, steps=False)
        self._screen = _joined(Row(name, self.story))
        self._ending: str | None = None

    def event(self, event: Event) -> None:
        if not (isinstance(event, Changed) and event.build.state.ended):  # `finish` says it, with the image
            self.story.tell(event)

    def finish(self, outcome: Outcome) -> None:
        self._ending = ending(self.story, outcome)

    def close(self) -> None:
        if self._screen is None:
            if self._ending:
                self._print(self._ending)
            return
        text = Text.assemble((f"{self._name}  ", "bold"), self._ending) if self._ending else None
        self._screen.remove(self.story, text)

    def _line(self, text: str) -> None:
        if self._screen is None:
            self._print(f"{text} ({seconds(self.story.elapsed())})")

    def _print(self, line: str) -> None:
        print(f"[boatyard] {self._name}: {line}", file=sys.stderr, flush=True)


@contextmanager
def shown(name: str) -> Iterator[View]:
    view = View(name)
    try:
        yield view
    finally:
        view.close()


def ending(story: Story, outcome: Outcome) -> str:
    """The line that stays."""
    if outcome.image is None:
        return f"build {outcome.answer.id} continues; follow it with: boatyard logs -f {outcome.answer.id}"
    how = "cached, answered" if outcome.answer.cached else "built"
    return printable(f"{how} in {seconds(story.elapsed())}: {outcome.image}")


def _joined(row: Row) -> Screen | None:
    """The screen with a line for this build; None if plain lines are better.

    While a live display runs, rich replaces sys.stderr with a proxy that prints lines above the display. If that
    display belongs to, say, the `flyte` command, a second one would garble both.
    """
    with _lock:
        if not (_own and _own[0].active):
            console = Console(stderr=True)
            if isinstance(sys.stderr, FileProxy) or not console.is_terminal or console.is_dumb_terminal:
                return None
            _own[:] = [Screen(console)]
        _own[0].add(row)
        return _own[0]
