"""One live display for all builds of this process, with a line for each."""

import atexit
import threading
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from boatyard_client.display.story import Story
from boatyard_client.display.text import seconds


class Row(NamedTuple):
    name: str
    story: Story


class Screen:
    """Is shown from the first `add` to the last `remove`. Every method is thread-safe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._rows: dict[int, tuple[Row, Spinner]] = {}
        self._live: Live | None = None
        # After Ctrl-C nothing waits for the builds' threads, and nothing else would show the cursor again.
        atexit.register(self.close)

    @property
    def active(self) -> bool:
        return self._live is not None

    def add(self, row: Row) -> None:
        with self._lock:
            self._rows[id(row.story)] = (row, Spinner("dots"))
            if self._live is None:
                # Transient: `remove` prints the lines that stay, in the order in which builds end.
                self._live = Live(
                    console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True
                )
                self._live.start()

    def remove(self, story: Story, ending: Text | None) -> None:
        with self._lock:
            self._rows.pop(id(story), None)
            if self._live is not None and self._rows:
                self._live.refresh()
            elif self._live is not None:
                self._live.stop()
                self._live = None
            if ending is not None:
                self._console.print(ending, soft_wrap=True)

    def close(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _render(self) -> RenderableType:
        return Group(*(self._row(row, spinner) for row, spinner in list(self._rows.values())))

    def _row(self, row: Row, spinner: Spinner) -> RenderableType:
        frame = spinner.render(self._console.get_time())
        line = Text.assemble(
            frame if isinstance(frame, Text) else "",
            " ",
            (f"{row.name}  ", "bold"),
            (f"{seconds(row.story.elapsed()):>7}  ", "cyan"),
            row.story.title,
            f"  {detail}" if (detail := row.story.detail) else "",
            (f"  {seconds(row.story.lasting())}", "dim"),
        )
        line.no_wrap, line.overflow = True, "ellipsis"
        return line
