"""One bound for all that a look-up does: names, connections, handshakes, every read, redirects, tokens, children."""

import time
from collections.abc import Callable
from typing import Final

_CPU_SECONDS: Final = 0.5
"""Of the thread: an answer in chunks of one byte costs seconds of CPU long before any seconds have passed."""


class OutOfTime(TimeoutError):
    """The look-up has taken all the time it has."""


class Deadline:
    """Belongs to the thread that made it. On the monotonic clock: a clock that is set does not move it."""

    def __init__(self, seconds: float, *, cpu_seconds: float = _CPU_SECONDS) -> None:
        self._at = time.monotonic() + seconds
        self._cpu_at = time.thread_time() + cpu_seconds

    @property
    def left(self) -> float:
        """Seconds; 0 when it has passed."""
        if time.thread_time() > self._cpu_at:
            return 0.0
        return max(self._at - time.monotonic(), 0.0)

    def require(self) -> float:
        """Seconds, more than 0. Raises OutOfTime when it has passed."""
        left = self.left
        if left <= 0:
            raise OutOfTime
        return left

    def pause(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Sleeps, never past the deadline."""
        sleep(min(seconds, self.left))
