"""One live display for all builds of this process: a line each, redrawn in place."""

import atexit
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
        # After Ctrl-C the builds' threads are not waited for, and nobody else would show the cursor again.
        atexit.register(self.close)

    @property
    def active(self) -> bool:
        return self._live is not None

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
        return Group(*(self._row(progress, spinner) for progress, spinner in list(self._rows.values())))

    def _row(self, progress: Progress, spinner: Spinner) -> RenderableType:
        frame = spinner.render(self._console.get_time())
        line = Text.assemble(
            frame if isinstance(frame, Text) else "",
            " ",
            (f"{progress.name}  ", "bold"),
            (f"{progress.elapsed():>7}  ", "cyan"),
            progress.headline,
            f"  {progress.detail}" if progress.detail else "",
            (f"  {progress.step_elapsed()}", "dim"),
        )
        line.no_wrap, line.overflow = True, "ellipsis"
        return line
