"""Reads files of the state folder, even damaged ones.

A server or a job writes each of them, but a disk can fail, a backup can be restored in part, and a job may write
anything into its folder. So a reader never blocks (a pipe), never follows a link, never reads more than a limit, and
returns None for any incomplete document.
"""

import os
import stat
from pathlib import Path
from typing import IO, Final, TypeVar

from boatyard.decoding import Undecodable, decode_json

T = TypeVar("T")

_MOST_BYTES: Final = 16 * 1024**2


def opened(path: Path) -> IO[bytes]:
    """Opens a regular file for reading. Raises OSError; FileNotFoundError for any other kind of file."""
    # Without O_NONBLOCK, opening a pipe without a writer blocks.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most: int = _MOST_BYTES) -> bytes | None:
    """The file; None if it is missing, unreadable, or larger than `most` bytes."""
    try:
        with opened(path) as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None


def read(path: Path, kind: type[T], most: int = _MOST_BYTES) -> T | None:
    """A document; None if it is missing or incomplete, which callers treat alike."""
    data = read_bytes(path, most)
    if data is None:
        return None
    try:
        return decode_json(data, kind)
    except Undecodable:
        return None
