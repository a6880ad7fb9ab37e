"""Records which phase a job is in and how long each took, and writes that for readers."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from boatyard.build import Phase, PhaseTime, Step
from boatyard.job import JobProgress
from boatyard_buildkit import outbox

_SECONDS_BETWEEN: Final = 0.2


class ProgressFile:
    """Phases in the order in which they began. Entering one again continues its time. Thread-safe."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._spent: dict[Phase, float] = {}
        self._current: Phase | None = None
        self._since = 0.0
        self._step: Step | None = None
        self._waiting = ""
        self._written = float("-inf")
        self._dirty = True
        self._lock = threading.RLock()

    def enter(self, phase: Phase) -> None:
        with self._lock:
            if phase is self._current:
                return
            self._leave()
            self._waiting = ""
            self._current, self._since = phase, self._now()
            self._spent.setdefault(phase, 0.0)
            self._touch(force=True)

    def step(self, step: Step) -> None:
        with self._lock:
            if step != self._step:
                self._step = step
                self._touch()

    def wait_for(self, what: str) -> None:
        """Ends the current phase while the job waits; the time of waiting counts in no phase."""
        with self._lock:
            self._leave()
            if what != self._waiting:
                self._waiting = what
                self._touch(force=True)

    def begun(self) -> None:
        """Records that BuildKit answers."""
        with self._lock:
            if self._waiting:
                self.enter(Phase.BUILD)

    def finish(self) -> tuple[PhaseTime, ...]:
        """Ends the last phase and returns them all."""
        with self._lock:
            self._leave()
            self._waiting = ""
            self._touch(force=True)
            return self.phases()

    def phases(self) -> tuple[PhaseTime, ...]:
        with self._lock:
            return tuple(
                PhaseTime(phase=phase, seconds=None if phase is self._current else round(seconds, 3))
                for phase, seconds in self._spent.items()
            )

    def tick(self) -> None:
        """Writes delayed changes. Call it regularly."""
        with self._lock:
            if self._dirty:
                self._touch()

    def _leave(self) -> None:
        if self._current is not None:
            self._spent[self._current] += self._now() - self._since
            self._current = None

    def _touch(self, *, force: bool = False) -> None:
        self._dirty = True
        if force or self._now() - self._written >= _SECONDS_BETWEEN:
            outbox.write(
                self._path, JobProgress(phases=self.phases(), step=self._step, waiting=self._waiting), durable=False
            )
            self._written = self._now()
            self._dirty = False
