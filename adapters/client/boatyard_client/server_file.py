"""Reads the address and the token of the embedded server in a `.boatyard/` folder.

A folder may come from anyone: a checkout, an archive, a network share. Its server.json is only used if a server of this
user wrote it, holds its lock now, and listens on this machine's loopback.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard_client.errors import ConfigError

SERVER_FILE: Final = ".boatyard/server.json"
"""Written by `boatyard serve`: `{"url": …}`."""
_LOCK: Final = "server.lock"
_TOKEN: Final = "token"  # noqa: S105 - a file's name
_LONGEST: Final = 64 * 1024


class ServerRecord(msgspec.Struct, frozen=True):
    url: str


def read_server(path: Path) -> ServerRecord | None:
    """The record of `path`'s server; None unless the server is this user's and runs. Raises ConfigError."""
    data = read_private(path)
    if data is None or not _is_locked(path.with_name(_LOCK)):
        return None
    try:
        return decode_json(data, ServerRecord)
    except Undecodable as error:
        raise ConfigError(f"{path} cannot be read: {error}", advice="Run `boatyard serve` again.") from None


def token_beside(path: Path) -> str:
    """The token of the server that wrote `path`; "" without one."""
    return read_token(path.with_name(_TOKEN))


def read_token(path: Path) -> str:
    """The token in a file that only this user can read; "" for any other file."""
    return (read_private(path) or b"").decode("ascii", "replace").strip()


def read_private(path: Path) -> bytes | None:
    """The bytes of a file that belongs to this user and that nobody else can read; None for any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(_LONGEST + 1)
    return data if len(data) <= _LONGEST else None


def _is_locked(path: Path) -> bool:
    """Whether a process holds the lock (flock(2)), which no checkout and no archive can contain.

    The lock is requested as shared, so that concurrent readers do not mistake each other for the server.
    """
    import fcntl  # not on Windows, where no server runs

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        return True
    finally:
        os.close(descriptor)
