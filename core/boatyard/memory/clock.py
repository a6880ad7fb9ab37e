"""Time that passes only when it is told to."""

import threading


class ManualClock:
    """`sleep` returns at once and moves the time, so that a test of an hour takes none."""

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
        """Somebody sets the wall clock; no time passes."""
        with self._lock:
            self._now = now

    def sleep(self, seconds: float) -> None:
        """Raises ValueError for a negative time, as `time.sleep` does."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        with self._lock:
            self._now += seconds
            self._monotonic += seconds
