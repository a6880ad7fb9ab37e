"""A clock that only moves when a test moves it."""

import threading


class ManualClock:
    """`sleep` returns immediately and advances the time, so that a test of an hour takes none."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def set(self, now: float) -> None:
        """Sets the wall clock without passing time."""
        with self._lock:
            self._now = now

    def sleep(self, seconds: float) -> None:
        """Raises ValueError for a negative time, like `time.sleep`."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        with self._lock:
            self._now += seconds
            self._monotonic += seconds
