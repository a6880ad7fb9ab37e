"""Atomic writes that survive crashes and full disks."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from boatyard.errors import BoatyardError, Code

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


def write(path: Path, data: bytes) -> None:
    """Replace a file, readable by its owner alone. When it returns, the bytes survive a power cut.

    Raises DISK_FULL or DATAPLANE_UNAVAILABLE; the file is then as it was.
    """
    partial = hidden(path)
    with refusing(path):
        try:
            create(partial, data)
            partial.replace(path)
            sync_folder(path.parent)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def create(path: Path, data: bytes) -> None:
    """Creates a file and flushes its bytes to the disk. Raises OSError, and may then leave a part of the file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def read_private(path: Path, most: int = 64 * 1024) -> bytes | None:
    """The bytes of a file that only this user can read and write; None for any other, and for a missing one.

    A file from an archive or a checkout is not trusted, and a file that others can read is not secret.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(most + 1)
    return data if len(data) <= most else None


def make_folder(path: Path) -> None:
    """Creates a folder that only its owner can use. Existing parents stay unchanged."""
    with refusing(path):
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Makes a rename in the folder survive a power cut (fsync(2), on a folder)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hidden(path: Path) -> Path:
    """A hidden temporary name beside `path`, which the server deletes at its start."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turns an OSError into Boatyard's error, whose text only names paths of the state folder."""
    try:
        yield
    except OSError as error:
        raise refusal(error, path) from None


def refusal(error: OSError, path: Path) -> BoatyardError:
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")  # the path becomes part of an answer and of a record
    if error.errno in _FULL:
        return BoatyardError(Code.DISK_FULL, f"there is no space left for {shown}")
    reason = (error.strerror or type(error).__name__).lower()
    return BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{shown} cannot be used: {reason}")
