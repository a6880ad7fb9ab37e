"""Writes a layer: a tar whose bytes depend on nothing but its entries, compressed while it is written."""

import contextlib
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol

from boatyard.dockerfile.render import SOURCE_DATE_EPOCH
from boatyard.settings import Compression
from boatyard_layers import zstd
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import is_plain, parent
from boatyard_layers.model import LayerBlob, PathEntry

_BUFFER: Final = 16 * 1024
"""tarfile copies what is in it at each write."""
_MEDIA_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"
_SUFFIXES: Final = {"zstd": "+zstd", "gzip": "+gzip", "uncompressed": ""}
_TYPES: Final = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
}


class FilePart(NamedTuple):
    """Bytes of a file on this machine, which has more than these."""

    path: Path
    offset: int
    size: int


class LayerItem(NamedTuple):
    """One entry of a layer that is made, with its contents if it is a file."""

    entry: PathEntry
    source: Path | FilePart | bytes | None = None
    mtime: int = SOURCE_DATE_EPOCH
    """Seconds since 1970."""


def contents_of(item: LayerItem) -> bytes:
    """Of a file."""
    match item.source:
        case bytes(data):
            return data
        case FilePart(path, offset, size):
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        case Path() as path:
            return path.read_bytes()
    raise NotExact(f"{item.entry.path!r} has no contents")


def pack(items: Iterable[LayerItem], out: Path, compression: Compression, level: int) -> LayerBlob:
    """Writes `items`, in whatever order they come, to the file `out`. Holds one piece of one file in memory.

    Hard links come last, because they need their targets; everything else is sorted by path. Only a directory may come
    twice, if both say the same.

    Raises NotExact for an entry that a layer cannot have, or a compression that is not made here.
    """
    if compression not in _SUFFIXES:
        raise NotExact(f"layers with the compression {compression!r} are not made here")
    with out.open("wb") as file, contextlib.ExitStack() as stack:
        compressed = _Sum(file)
        packer = _compressor(compression, level, compressed)
        plain = _Sum(packer)
        archive = stack.enter_context(
            tarfile.open(fileobj=_Sink(plain), mode="w|", format=tarfile.PAX_FORMAT, bufsize=_BUFFER)
        )
        for item in _ordered(items):
            _write(archive, item)
            archive.members = []  # type: ignore[attr-defined]  # or it remembers every header
        archive.close()
        packer.finish()
    return LayerBlob(
        digest=compressed.digest,
        size=compressed.size,
        media_type=_MEDIA_TYPE + _SUFFIXES[compression],
        diff_id=plain.digest,
    )


def whiteouts(paths: Iterable[str]) -> list[LayerItem]:
    """Items that hide `paths` of lower layers, with all below them."""
    found = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        found.append(LayerItem(PathEntry(path=f"{folder}/.wh.{name}", mode=0o644), b""))
    return found


def with_parents(items: Iterable[LayerItem], present: Iterable[str]) -> list[LayerItem]:
    """The items, and a folder of root with the mode 0755 for each parent that is neither `present` nor an item."""
    made = {item.entry.path: item for item in items}
    there = {"/", *present}
    for path in list(made):
        above = parent(path)
        while above not in made and above not in there:
            made[above] = LayerItem(PathEntry(path=above, kind="directory", mode=0o755))
            above = parent(above)
    return list(made.values())


def _ordered(items: Iterable[LayerItem]) -> list[LayerItem]:
    found: dict[str, LayerItem] = {}
    for item in items:
        other = found.setdefault(item.entry.path, item)
        if other is not item and (item.entry.kind != "directory" or item != other):
            raise NotExact(f"{item.entry.path!r} would be in a layer twice")
    return sorted(found.values(), key=lambda item: (item.entry.kind == "hardlink", item.entry.path.split("/")))


def _write(archive: tarfile.TarFile, item: LayerItem) -> None:
    entry = item.entry
    if not is_plain(entry.path) or entry.path == "/" or entry.kind not in _TYPES:
        raise NotExact(f"{entry.path!r} cannot be in a layer ({entry.kind})")
    info = tarfile.TarInfo(entry.path[1:])
    info.type = _TYPES[entry.kind]
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, item.mtime
    if entry.kind == "symlink":
        info.linkname = entry.target
    if entry.kind == "hardlink":
        info.linkname = entry.target[1:]
    if entry.kind != "file":
        archive.addfile(info)
        return
    if isinstance(item.source, bytes):
        info.size = len(item.source)
        archive.addfile(info, io.BytesIO(item.source))
        return
    if item.source is None:
        raise NotExact(f"{entry.path!r} has no contents")
    path = item.source.path if isinstance(item.source, FilePart) else item.source
    # A link in its place would be read as what it points to, anywhere on this machine.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
        if isinstance(item.source, FilePart):
            info.size = item.source.size
            stream.seek(item.source.offset)
        else:
            info.size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
        archive.addfile(info, stream)


class _Writer(Protocol):
    def write(self, data: bytes, /) -> int: ...


class _Packer(_Writer, Protocol):
    def finish(self) -> None: ...


class _Sum:
    """Passes bytes on, and knows their digest and number."""

    def __init__(self, below: IO[bytes] | _Packer) -> None:
        self._below = below
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._below.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


class _Sink(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, below: _Sum) -> None:
        self._below = below

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        return self._below.write(bytes(data))


class _Zstd:
    def __init__(self, level: int, below: _Sum) -> None:
        self._compressor = zstd.compressor(level)
        self._below = below

    def write(self, data: bytes, /) -> int:
        self._below.write(self._compressor.compress(data))
        return len(data)

    def finish(self) -> None:
        self._below.write(self._compressor.flush())


class _Gzip:
    """A gzip member without a name and a time (RFC 1952)."""

    _HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"

    def __init__(self, level: int, below: _Sum) -> None:
        self._compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._below = below
        self._sum = 0
        self._size = 0
        below.write(self._HEADER)

    def write(self, data: bytes, /) -> int:
        self._sum = zlib.crc32(data, self._sum)
        self._size += len(data)
        self._below.write(self._compressor.compress(data))
        return len(data)

    def finish(self) -> None:
        end = self._sum.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        self._below.write(self._compressor.flush() + end)


class _Plain:
    def __init__(self, below: _Sum) -> None:
        self._below = below

    def write(self, data: bytes, /) -> int:
        return self._below.write(data)

    def finish(self) -> None:
        """Nothing is left to write."""


def _compressor(compression: Compression, level: int, below: _Sum) -> _Packer:
    if compression == "zstd":
        return _Zstd(level, below)
    return _Gzip(level, below) if compression == "gzip" else _Plain(below)
