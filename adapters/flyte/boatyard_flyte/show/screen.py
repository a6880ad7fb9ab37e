"""One live display for all builds of this process: a line each, redrawn in place."""

import threading

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from boatyard_flyte.show.progress import Progress


class Screen:
    """Shown from the first `add` to the last `remove`. Every method may be called from any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._rows: dict[int, tuple[Progress, Spinner]] = {}
        self._live: Live | None = None

    def add(self, progress: Progress) -> None:
        with self._lock:
            self._rows[id(progress)] = (progress, Spinner("dots"))
            if self._live is None:
                # Transient: what stays is printed by `remove`, in the order in which builds end.
                self._live = Live(
                    console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True
                )
                self._live.start()

    def remove(self, progress: Progress, ending: Text | None) -> None:
        with self._lock:
            self._rows.pop(id(progress), None)
            live = None if self._rows else self._live
            if live is not None:
                self._live = None
                live.stop()
        if ending is not None:
            self._console.print(ending, soft_wrap=True)

    def _render(self) -> RenderableType:
        return Group(*(self._row(progress, spinner) for progress, spinner in list(self._rows.values())))

    def _row(self, progress: Progress, spinner: Spinner) -> RenderableType:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{progress.name}  ", style="bold")
        line.append(f"{progress.elapsed():>7}  ", style="cyan")
        line.append(progress.headline)
        if progress.detail:
            line.append(f"  {progress.detail}")
        line.append(f"  {progress.step_elapsed()}", style="dim")
        spinner.update(text=line)
        return spinner
