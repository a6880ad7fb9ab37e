"""A process that ends with the one that started it. It needs the standard library alone, as `enter` does."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
# Looked up here, because between fork and exec of a process with threads as little as possible should happen.
_PRCTL = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


def end_with(parent: int) -> None:
    """Has Linux kill this process when the thread that started it dies, even by SIGKILL. Elsewhere it does nothing."""
    if _PRCTL is None:
        return
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
