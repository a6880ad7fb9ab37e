"""Reads files of the state folder, whatever has become of them.

Each is written by a server or a job of ours, but a disk can fail, a backup can be played back in part, and a job's
folder is only as good as its job. So a reader never waits (a pipe), never follows a link, never takes more than its
share of memory, and has one answer to whatever is not a whole document: none.
"""

import os
import stat
from pathlib import Path
from typing import IO, Final, TypeVar

from boatyard.decoding import Undecodable, decode_json

T = TypeVar("T")

_MOST_BYTES: Final = 16 * 1024**2


def opened(path: Path) -> IO[bytes]:
    """An ordinary file, to be read. Raises OSError; FileNotFoundError for anything that is no ordinary file."""
    # Without O_NONBLOCK a pipe without a writer would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most: int = _MOST_BYTES) -> bytes | None:
    """The file; None if it is not there, cannot be read, or is larger than `most` bytes."""
    try:
        with opened(path) as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None


def read(path: Path, kind: type[T], most: int = _MOST_BYTES) -> T | None:
    """A document; None if it is not there or not whole, which is the same to all who ask."""
    data = read_bytes(path, most)
    if data is None:
        return None
    try:
        return decode_json(data, kind)
    except Undecodable:
        return None
