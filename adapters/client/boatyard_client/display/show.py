"""Shows a build: live on a terminal, line by line anywhere else."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from boatyard_client.display.story import Story
from boatyard_client.display.text import seconds

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_LOG_LINES: Final = 6


@contextmanager
def shown(*, silent: bool = False) -> Iterator[Story]:
    """A story on standard error, live on a terminal. With `silent`, nothing is printed."""
    from rich.console import Console

    if silent:
        yield Story()
        return
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _plain()
        return
    view = _View(console)
    from rich.live import Live

    with Live(view, console=console, refresh_per_second=8, transient=True):
        yield view.story


def _plain() -> Story:
    """Prints each line with the seconds since the beginning."""

    def write(text: str) -> None:
        click.echo(f"{story.elapsed():6.1f} s  {text}", err=True)

    story = Story(say=write, log=write, steps=False)
    return story


class _View:
    """Shows the last lines of the log, and below them the current step with its duration."""

    def __init__(self, console: "Console") -> None:
        from rich.spinner import Spinner

        self._console = console
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._spinner = Spinner("dots")
        self.story = Story(say=self._say, log=self._lines.append)

    def _say(self, text: str) -> None:
        from rich.text import Text

        self._lines.clear()
        self._console.print(Text.assemble(("✓ ", "green"), text), soft_wrap=False, overflow="ellipsis", no_wrap=True)

    def __rich__(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        story = self.story
        now = f"{story.title}, {detail}" if (detail := story.detail) else story.title
        took = seconds(story.lasting())
        whole = seconds(story.elapsed())
        self._spinner.update(text=Text(f"{now} · {took}   (all {whole})", no_wrap=True, overflow="ellipsis"))
        lines = [Text(f"  {line}", style="dim", no_wrap=True, overflow="ellipsis") for line in self._lines]
        return Group(*lines, self._spinner)
