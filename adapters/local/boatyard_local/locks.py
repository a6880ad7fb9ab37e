"""Tests the kernel's file locks, which end with their process, however it ends."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

_PASSING: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})
"""Errors that depend on the moment, not on the lock."""


def is_held(path: Path) -> bool:
    """Whether a process holds the lock exclusively; False if the file does not exist.

    The test takes the lock as shared for an instant, so that concurrent tests do not count as holders. A process that
    wants the lock must therefore try more than once. Raises OSError if the state is unknown, for example for lack of
    file descriptors.
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
