"""Being told to stop: SIGTERM or SIGINT is a cancel, the deadline a timeout."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from boatyard.errors import Code


class JobStopped(BaseException):
    """Not an Exception: nothing that handles errors on the way may keep it. `code` is of errors.CODES."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code
        self.during = ""
        """The step that ran, if one did."""
        self.log_tail: tuple[str, ...] = ()


@contextmanager
def stoppable(timeout_seconds: float) -> Iterator[None]:
    """Raises Stopped in the body, once. Before and after it, the signals are without effect.

    An exception out of a handler ends whatever waits, be it a pipe, a socket or a sleep, without each of
    them knowing of deadlines.
    """
    done = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not done.is_set():
            done.set()
            raise JobStopped(Code.TIMED_OUT if number == signal.SIGALRM else Code.CANCELLED)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, stop)
    signal.setitimer(signal.ITIMER_REAL, max(timeout_seconds, 0.001))
    try:
        yield
    finally:
        done.set()
        signal.setitimer(signal.ITIMER_REAL, 0)
