"""Writes and reads the archive of a context.

It is a tar.gz of regular files, folders, links and FIFOs. The client writes it with `header`, the job reads it with
`read_archive`, and both compute trees with `boatyard.tree`, so they agree. This module does no I/O beyond the file
objects that it is given.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

import msgspec

from boatyard.context import EXECUTABLE_MODE, FILE_MODE, FOLDER_MODE, Entry, Kind
from boatyard.errors import BoatyardError, Code
from boatyard.forward import LARGEST_READ, Forward
from boatyard.tree import Readable

TAR_FORMAT: Final = tarfile.PAX_FORMAT
"""Writers use it with `encoding="utf-8"`, so that names in any script survive."""

_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 3072
_DEEPEST: Final = 128
"""Most names in a path. Real projects stay below 40; BuildKit, Python and others recurse into folders, and fail
somewhere above 500."""
_MOST_NAMES: Final = 64 * 1024 * 1024
"""Bytes of all paths and link targets together: a few kilobytes of gzip can name gigabytes of them."""
_LONGEST_TARGET: Final = 4095
"""Longest link target in bytes on Linux (PATH_MAX, less the terminator)."""
_MODE: Final = 0o7777
_TYPES: Final[dict[Kind, bytes]] = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "fifo": tarfile.FIFOTYPE,
}
_DAMAGE: Final = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, RecursionError)
"""Errors of tarfile. RecursionError, because it reads extended headers recursively."""


class BadEntry(BoatyardError):
    """CONTEXT_INVALID for one entry. `what` is what is wrong with it, without its name."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(Code.CONTEXT_INVALID, f"entry {name!r} of the archive {what}")
        self.what = what


class ArchiveBounds(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of an archive, from the settings' `limits`."""

    entries: int = 200_000
    unpacked_bytes: int = 8 * 1024**3
    """Bytes after decompression, including tar headers."""


class Member(msgspec.Struct, frozen=True):
    """One entry of an archive. `data` reads a file's bytes, until the next member is requested."""

    path: str
    kind: Kind
    mode: int
    size: int
    target: str
    data: Readable | None

    def entry(self, content: str = "") -> Entry:
        """The member's entry in a tree; `content` is the sha256 of a file's bytes."""
        if self.kind == "file":
            return Entry(self.path, "file", self.mode, self.size, content)
        return Entry(self.path, self.kind, self.mode, content=self.target)


def plain_mode(mode: int) -> int:
    """0644, or 0755 for a file that its owner may execute, as in git, because umasks differ between machines."""
    return EXECUTABLE_MODE if mode & 0o100 else FILE_MODE


def check_path(path: str) -> str:
    """Checks that a path is relative, below the root and in canonical form. Raises CONTEXT_INVALID."""
    parts = path.split("/")
    if path.startswith("/") or not {"", ".", ".."}.isdisjoint(parts):
        raise _invalid(path, "is not a plain relative path")
    if len(parts) > _DEEPEST:
        raise _invalid(path[:80] + "…", f"is nested deeper than {_DEEPEST} folders")
    return _check_text(path)


def check_link(path: str, target: str) -> str:
    """Checks the target of the link at `path`. Raises CONTEXT_INVALID.

    It may point anywhere, as in Docker: unpacking never follows it, and BuildKit resolves it inside the context.
    `read_archive` refuses entries below a link.
    """
    if not target:
        raise _invalid(path, "links to nothing")
    if len(_encoded(target, path)) > _LONGEST_TARGET:
        raise _invalid(path, "links to a name that is too long")
    return target


def header(entry: Entry) -> tarfile.TarInfo:
    """The canonical tar header of an entry, without time and owner."""
    info = tarfile.TarInfo(check_path(entry.path))
    info.type = _TYPES[entry.kind]
    info.mode = 0o777 if entry.kind == "link" else entry.mode
    if entry.kind == "file":
        info.size = entry.size
    if entry.kind == "link":
        info.linkname = check_link(entry.path, entry.content)
    return info


def read_archive(archive: IO[bytes], bounds: ArchiveBounds) -> Iterator[Member]:
    """The checked members of a tar.gz. A folder always comes before its contents.

    Archives of other programs are accepted: `./` before names, the root itself, and missing folder entries (mode 0755).
    Raises CONTEXT_INVALID with the entry's name for paths that could write elsewhere, for entries that are neither
    file, folder, link nor FIFO, for duplicate names, and beyond the bounds.
    """
    stream = Forward(gzip.GzipFile(fileobj=archive), bounds.unpacked_bytes, _too_long)
    seen = _Seen(bounds)
    try:
        with tarfile.TarFile(
            fileobj=stream,  # type: ignore[arg-type]  # read, seek and tell are all it uses
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            for info in tar:
                yield from _members(stream, info, seen)
        stream.expect_end()
    except _DAMAGE as error:
        raise _damaged(error) from None


class _Seen:
    """The entries so far with their kinds; `implied` is a folder without an entry of its own."""

    def __init__(self, bounds: ArchiveBounds) -> None:
        self.kinds: dict[str, str] = {}
        self._bounds = bounds
        self._names = 0

    def add(self, member: Member, kind: str) -> Member:
        self.kinds[member.path] = kind
        if len(self.kinds) > self._bounds.entries:
            raise _invalid(member.path, f"is one entry more than the {self._bounds.entries:,} allowed")
        self._names += len(member.path.encode()) + len(member.target.encode())
        if self._names > _MOST_NAMES:
            raise BoatyardError(Code.CONTEXT_INVALID, f"the archive's names take more than {_MOST_NAMES:,} bytes")
        return member

    def missing_folders(self, path: str) -> list[str]:
        """The parents of `path` that are still unknown, the outermost first. Stops at the first known parent, so that
        many deep paths cost no more than their entries."""
        missing: list[str] = []
        parent = path.rpartition("/")[0]
        while parent and parent not in self.kinds:
            missing.append(parent)
            parent = parent.rpartition("/")[0]
        if parent and self.kinds[parent] not in ("folder", "implied"):
            raise _invalid(path, f"is below {parent!r}, which is a {self.kinds[parent]}")
        return missing[::-1]


def _members(stream: Forward, info: tarfile.TarInfo, seen: _Seen) -> Iterator[Member]:
    path = info.name.removesuffix("/")
    while path.startswith("./"):
        path = path[2:]
    if path in ("", ".") and info.isdir():
        return
    check_path(path)
    kind = _kind(info, path)
    target = check_link(path, info.linkname) if kind == "link" else ""
    for folder in seen.missing_folders(path):
        yield seen.add(Member(folder, "folder", FOLDER_MODE, 0, "", None), "implied")
    if kind == "folder" and seen.kinds.get(path) == "implied":
        seen.kinds[path] = "folder"
        return
    if path in seen.kinds:
        raise _invalid(path, "is there twice")
    mode = 0 if kind == "link" else info.mode & _MODE
    member = Member(path, kind, mode, 0, target, None)
    if kind == "file":
        member = Member(path, kind, mode, info.size, "", _Data(stream, info))
    yield seen.add(member, kind)


def _kind(info: tarfile.TarInfo, path: str) -> Kind:
    if info.issparse():
        raise _invalid(path, "is a sparse file")
    if info.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return "file"
    if info.isdir():
        return "folder"
    if info.issym():
        return "link"
    if info.isfifo():
        return "fifo"
    what = {
        tarfile.LNKTYPE: "a hard link",
        tarfile.CHRTYPE: "a device",
        tarfile.BLKTYPE: "a device",
    }
    raise _invalid(path, f"is {what.get(info.type, 'of an unknown type')}")


def _encoded(text: str, path: str) -> bytes:
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:
        raise _invalid(path, "is not valid UTF-8") from None
    if b"\0" in encoded:
        raise _invalid(path, "holds a NUL")
    return encoded


def _check_text(path: str) -> str:
    encoded = _encoded(path, path)
    if len(encoded) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in encoded.split(b"/")):
        raise _invalid(path[:80] + "…", "is too long")
    return path


def _invalid(path: str, what: str) -> BoatyardError:
    shown = path.encode("utf-8", "replace").decode("utf-8")
    return BadEntry(shown, what)


def _too_long(what: str) -> BoatyardError:
    return BoatyardError(Code.CONTEXT_INVALID, what)


def _damaged(error: Exception) -> BoatyardError:
    return BoatyardError(Code.CONTEXT_INVALID, f"the archive is damaged: {error}")


class _Data:
    """Reads a file's bytes, and reports damage like other errors."""

    def __init__(self, stream: Forward, info: tarfile.TarInfo) -> None:
        self._stream = stream
        self._position = info.offset_data
        self._end = info.offset_data + info.size

    def read(self, size: int, /) -> bytes:
        size = min(size, self._end - self._position, LARGEST_READ)
        try:
            self._stream.seek(self._position)
            data = self._stream.take(size)
        except _DAMAGE as error:
            raise _damaged(error) from None
        if len(data) < size:
            raise _damaged(tarfile.ReadError("unexpected end of data"))
        self._position += len(data)
        return data
