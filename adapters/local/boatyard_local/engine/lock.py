"""Allows one `ensure`, `stop` or `purge` at a time for each state folder."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds an flock on `path`. Calls `waiting` once if another process has the lock.

    The kernel releases the lock with its process, so a killed command leaves nothing to clean up.
    """
    announced = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not announced:
                    waiting()
                announced = True
                fcntl.flock(file, fcntl.LOCK_EX)
            # `purge` removes the locked file: a process that waited for it then holds a lock that no other process can
            # find.
            if _is(path, file.fileno()):
                yield
                return


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
