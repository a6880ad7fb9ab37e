"""Remembers the sha256 of unchanged files, as git's index does.

There is one file for each source folder, below the user's cache folder (`$XDG_CACHE_HOME/boatyard/files`), readable by
its owner only. A row is valid while the file's state is the same: device, inode, mode, size, and both times in
nanoseconds, including the change time, which no program can set back.

A file that is written twice within one tick of its file system's clock can have two contents in one state. git calls
such an entry racily clean. So a row is only written for a file that had been unchanged for longer than a tick when it
was read.

It is a cache: a damaged or too large file, one of another format, or another user's counts as empty, and failed writes
are ignored. Each process replaces the whole file atomically, so the last of two writers wins, and readers never see
half a file.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from boatyard.decoding import prepared
from boatyard_client.packing.item import Digests, Stamp

FORMAT: Final = "boatyard/files/1"
_WORTHWHILE_FILES: Final = 256
_WORTHWHILE_BYTES: Final = 16 * 1024 * 1024
"""Hashing a source with fewer files and bytes takes no longer than reading its cache."""

_LARGEST: Final = 64 * 1024 * 1024
_MOST_SOURCES: Final = 64
"""The least recently used are removed."""
_TICK: Final = 50_000_000
"""Nanoseconds: kernels stamp files by a clock that ticks every 1 to 10 ms."""
_COARSE_TICK: Final = 2_000_000_000
"""For file systems with times of milliseconds or less precision, such as FAT, HFS+ and some network file systems."""
_FINE: Final = 1_000_000


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    source: str
    """The folder, for people who read the file."""
    files: Digests


def is_worthwhile(files: int, size: int) -> bool:
    """Whether a source of so many files and bytes is worth remembering."""
    return files >= _WORTHWHILE_FILES or size >= _WORTHWHILE_BYTES


def load(source: Path) -> Digests:
    """The known digests of the files below a folder."""
    path = _path(source)
    if path is None:
        return {}
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    try:
        data = _private(fd)
    except OSError:
        return {}
    finally:
        os.close(fd)
    try:
        document = msgspec.json.decode(data, type=prepared(_Document))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if document.format != FORMAT or document.source != str(_resolved(source)):
        return {}
    return document.files


def _private(fd: int) -> bytes:
    """The bytes of a file that only this user can read and write; b"" for any other."""
    found = os.fstat(fd)
    private = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not stat.S_ISREG(found.st_mode) or not private or found.st_size > _LARGEST:
        return b""
    with contextlib.suppress(OSError):
        os.utime(fd)  # marks it as used
    with os.fdopen(fd, "rb", closefd=False) as file:
        return file.read(_LARGEST)


def save(source: Path, files: Mapping[str, tuple[Stamp, str]], *, read_at: int) -> None:
    """Stores the digests. `read_at` (nanoseconds since 1970) is a time before the first file was read."""
    path = _path(source)
    if path is None:
        return
    settled = {name: row for name, row in files.items() if _settled(row[0], read_at)}
    data = msgspec.json.encode(_Document(format=FORMAT, source=str(_resolved(source)), files=settled))
    if len(data) > _LARGEST:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, data)
        _make_room(path.parent)


def _settled(stamp: Stamp, read_at: int) -> bool:
    last = max(stamp.modified, stamp.changed)
    fine = stamp.changed % _FINE
    return last + (_TICK if fine else _COARSE_TICK) < read_at


def _replace(path: Path, data: bytes) -> None:
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mode 0600
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_room(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in files[_MOST_SOURCES:]:
        path.unlink(missing_ok=True)


def _path(source: Path) -> Path | None:
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
        name = hashlib.sha256(os.fsencode(_resolved(source))).hexdigest()
    except (OSError, RuntimeError):
        return None
    return cache / "boatyard" / "files" / f"{name[:32]}.json"


def _resolved(source: Path) -> Path:
    return Path(os.path.realpath(source))
