"""Handles requests to stop: SIGTERM or SIGINT is a cancel, the deadline a timeout."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from boatyard.errors import Code


class JobStopped(BaseException):
    """Raised to stop the job. Not an Exception, so that no error handler catches it. `code` is one of errors.CODES."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code
        self.during = ""
        """The step that was running, if any."""
        self.log_tail: tuple[str, ...] = ()


@contextmanager
def stoppable(timeout_seconds: float) -> Iterator[None]:
    """Raises Stopped in the body, once. Before and after the body, the signals have no effect.

    An exception from a signal handler interrupts every wait, be it a pipe, a socket or a sleep, without each of them
    needing a deadline.
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
