"""Time as it is."""

import threading
import time


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ServingClock:
    """The clock of those who wait for an answer: when the server stops, all time is up.

    The core's long polls look at the clock between two looks at the build. After `stop` they find their
    deadline passed and answer with what they know, so a server ends at once and no poll ends in an error.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return float("inf") if self._stopped.is_set() else time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self._stopped.wait(seconds)
