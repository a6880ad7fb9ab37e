"""Locks of the kernel on files: they end with the process that holds them, however it ends."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

_PASSING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})
"""These say nothing of the lock, only of this moment."""


def is_held(path: Path) -> bool:
    """Whether a process holds the lock alone; False too if there is no such file.

    The question takes the lock for an instant, shared: others who ask at the same time are not taken for a holder.
    Who wants the lock must try more than once. Raises OSError when it cannot be known just now, for want of file
    descriptors for instance.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _PASSING:
            raise
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
