"""The folder in which an instance of the function carries out one build at a time."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from boatyard.errors import BoatyardError, Code

_FOLDER: Final = "boatyard-inline"
_LOCK: Final = "boatyard-inline.lock"
_SPARE_BYTES: Final = 64 * 1024 * 1024
"""For the log, the programs and what the function itself writes."""


class Place(NamedTuple):
    folder: Path
    """Empty."""
    lock: int
    """The descriptor of the lock. The job's process keeps it: if the function is killed and another one starts on the
    same machine, that one waits for the job's end."""


@contextmanager
def place(root: Path | None = None) -> Iterator[Place]:
    """A folder below `root`, which is the system's temporary folder without one.

    Builds share the instance's disk and memory, so there is one at a time, also among processes of one machine. Raises
    DATAPLANE_UNAVAILABLE if there is another one.
    """
    from boatyard_buildkit.removal import remove

    root = root or Path(tempfile.gettempdir())
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE, "this instance of the function carries out another build"
            ) from None
        folder = root / _FOLDER
        remove(folder)  # of a build whose function was killed
        folder.mkdir(mode=0o700)
        try:
            yield Place(folder, descriptor)
        finally:
            remove(folder)
    finally:
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """How much a job may write."""
    return max(shutil.disk_usage(folder).free - _SPARE_BYTES, 1)
