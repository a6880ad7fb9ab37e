"""Prints the progress of creating an engine: step n of m, its name and duration."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class EngineStep:
    """A running step. `say` replaces the detail in its last line."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""

    def say(self, detail: str) -> None:
        self.detail = detail


class EngineProgress:
    """Numbers and prints steps. Several threads may run steps concurrently."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._total = 0
        self._started = 0
        self._lock = threading.Lock()

    def expect(self, steps: int) -> None:
        """Announces that many further steps."""
        with self._lock:
            self._total = self._started + steps

    def note(self, text: str) -> None:
        self.console.print(f"  [dim]·[/] {escape(text)}", highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[EngineStep]:
        with self._lock:
            self._started += 1
            number = self._started
        count = f"[dim]{number}/{max(self._total, number)}[/]"
        step, begin = EngineStep(title), time.monotonic()
        self.console.print(f"  {count} {escape(title)} …", highlight=False, soft_wrap=True)
        try:
            yield step
        except BaseException:
            elapsed = time.monotonic() - begin
            self.console.print(
                f"  {count} [red]✗[/] {escape(title)} [dim]{elapsed:.1f} s[/]", highlight=False, soft_wrap=True
            )
            raise
        elapsed = time.monotonic() - begin
        detail = f": {escape(step.detail)}" if step.detail else ""
        self.console.print(
            f"  {count} [green]✓[/] {escape(title)}{detail} [dim]{elapsed:.1f} s[/]", highlight=False, soft_wrap=True
        )
