"""Locks of the kernel on files: they end with the process that holds them, however it ends."""

import fcntl
import os
from pathlib import Path


def is_held(path: Path) -> bool:
    """Whether a process holds the lock alone; False too if the file is not there.

    The question takes the lock for an instant, shared: others who ask at the same time are not taken for a holder.
    Who wants the lock must try more than once.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
