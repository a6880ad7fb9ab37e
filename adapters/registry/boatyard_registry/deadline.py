"""One deadline for all steps of a lookup: names, connections, handshakes, every read, redirects, tokens, child
manifests."""

import time
from collections.abc import Callable
from typing import Final

_CPU_SECONDS: Final = 0.5
"""CPU time of the thread: an answer in chunks of one byte uses seconds of CPU time long before the deadline."""


class OutOfTime(TimeoutError):
    """The lookup has reached its deadline."""


class Deadline:
    """A deadline of the thread that created it. The monotonic clock ignores changes of the system time."""

    def __init__(self, seconds: float, *, cpu_seconds: float = _CPU_SECONDS) -> None:
        self._at = time.monotonic() + seconds
        self._cpu_at = time.thread_time() + cpu_seconds

    @property
    def left(self) -> float:
        """The seconds left; 0 after the deadline."""
        if time.thread_time() > self._cpu_at:
            return 0.0
        return max(self._at - time.monotonic(), 0.0)

    def require(self) -> float:
        """The seconds left, more than 0. Raises OutOfTime after the deadline."""
        left = self.left
        if left <= 0:
            raise OutOfTime
        return left

    def pause(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Sleeps, at most until the deadline."""
        sleep(min(seconds, self.left))
