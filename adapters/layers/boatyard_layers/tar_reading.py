"""Reads the tar of a layer of any registry: hostile, compressed or not, and larger than memory.

The format: https://github.com/opencontainers/image-spec/blob/main/layer.md.
"""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import IO, Final, Literal, NamedTuple, cast

from boatyard.forward import LARGEST_READ, Forward
from boatyard.tree import Readable
from boatyard_layers import zstd
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import is_plain, join, parent
from boatyard_layers.model import Kind, PathEntry

_MOST_ENTRIES: Final = 1_000_000
_LARGEST_KEPT: Final = 256 * 1024**2
"""Bytes of all files of a layer that a caller may keep."""
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_AUFS: Final = ".wh..wh."
"""Everything else that begins so is aufs' own, and in no file system."""
_LARGEST_TAR: Final = 64 * 1024**3
_MOST_NAMES: Final = 256 * 1024**2
"""Bytes of all paths and targets."""
_LONGEST_PATH: Final = 4095
_DEEPEST: Final = 512
_MOST_OWNERS: Final = 2**32
_DAMAGE: Final = (
    tarfile.TarError,
    OSError,
    EOFError,
    zlib.error,
    zstd.ZstdError,
    ValueError,
    OverflowError,
    RecursionError,
)
_KINDS: Final[dict[bytes, Kind]] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "other",
    tarfile.BLKTYPE: "other",
    tarfile.FIFOTYPE: "other",
}


class LayerMember(NamedTuple):
    """One entry of a layer's tar."""

    entry: PathEntry
    """Of a whiteout: the path that it hides, or the folder that it empties."""
    what: Literal["entry", "removed", "opaque"] = "entry"
    data: Readable | None = None
    """The bytes of a file, until the next member is requested."""


class LayerContents(NamedTuple):
    entries: tuple[PathEntry, ...]
    removed: tuple[str, ...]
    """Paths that the layer hides, with all below them."""
    opaque: tuple[str, ...]
    """Folders of which the layer hides what lower layers have in them."""
    kept: dict[str, bytes]
    """Contents of the files that the caller wanted."""


def read_layer(
    stream: IO[bytes], media_type: str, *, keep: Callable[[PathEntry], bool] = lambda entry: False
) -> LayerContents:
    """Reads one layer to its end. Of a path that it has twice, the last counts. Raises NotExact if it is no tar, has
    what no layer may have, or has what runtimes would not unpack alike."""
    entries: dict[str, PathEntry] = {}
    removed: set[str] = set()
    opaque: set[str] = set()
    kept: dict[str, bytes] = {}
    left = _LARGEST_KEPT
    for member in members(stream, media_type):
        entry = member.entry
        if member.what != "entry":
            (removed if member.what == "removed" else opaque).add(entry.path)
            continue
        before = entries.pop(entry.path, None)
        if before is not None and (before.kind == "directory") != (entry.kind == "directory"):
            raise NotExact(f"a layer has {entry.path!r} as a directory and as something else")
        entries[entry.path] = entry
        kept.pop(entry.path, None)
        if member.data is not None and keep(entry):
            left -= entry.size
            if left < 0:
                raise NotExact(f"the wanted files of a layer have more than {_LARGEST_KEPT:,} bytes")
            kept[entry.path] = _all(member.data, entry.size)
    _check(entries, removed)
    return LayerContents(tuple(entries.values()), tuple(sorted(removed)), tuple(sorted(opaque)), kept)


def members(stream: IO[bytes], media_type: str) -> Iterator[LayerMember]:
    """The entries and whiteouts of a layer, in its own order, for a caller that streams contents. Raises NotExact."""
    count = names = 0
    try:
        forward = Forward(plain(stream, media_type), _LARGEST_TAR, NotExact)
        with tarfile.TarFile(
            fileobj=forward,  # type: ignore[arg-type]  # read, seek and tell are all it uses
            encoding="utf-8",
            errors="surrogateescape",
        ) as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # or it remembers every header
                count += 1
                names += len(info.name) + len(info.linkname)
                if count > _MOST_ENTRIES or names > _MOST_NAMES:
                    raise NotExact(f"a layer has more than {_MOST_ENTRIES:,} paths, or too long ones")
                if (member := _member(info, forward)) is not None:
                    yield member
        forward.expect_end()
    except _DAMAGE as error:
        raise _damaged(error) from None


def plain(stream: IO[bytes], media_type: str) -> IO[bytes]:
    """The uncompressed tar."""
    if media_type.endswith("zstd"):
        return zstd.reader(stream)
    if media_type.endswith("gzip"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream, mode="rb"))
    if media_type.endswith("tar"):
        return stream
    raise NotExact(f"a layer is of the type {media_type[:100]!r}")


def _member(info: tarfile.TarInfo, forward: Forward) -> LayerMember | None:
    path = _path(info.name)
    folder, name = parent(path), path.rpartition("/")[2]
    if any(part.startswith(_WHITEOUT) for part in folder.split("/")):
        raise NotExact(f"a layer has {path!r}, below a whiteout")
    if name == _OPAQUE:
        return LayerMember(PathEntry(path=folder, kind="directory"), "opaque")
    if name.startswith(_AUFS):
        return None
    if name.startswith(_WHITEOUT):
        hidden = join(folder, name.removeprefix(_WHITEOUT))
        if not is_plain(hidden):
            raise NotExact(f"a layer has the path {info.name[:200]!r}")
        return LayerMember(PathEntry(path=hidden), "removed")
    kind = _KINDS.get(info.type)
    if kind is None or info.issparse():
        raise NotExact(f"a layer has {path!r} of an unknown type")
    if info.size < 0:
        raise NotExact(f"a layer has {path!r} of {info.size} bytes")
    if path == "/" and kind != "directory":
        raise NotExact("the root of a layer is no directory")
    if not (0 <= info.uid < _MOST_OWNERS and 0 <= info.gid < _MOST_OWNERS):
        raise NotExact(f"a layer has {path!r} of an owner that no Linux has")
    entry = PathEntry(
        path=path,
        kind=kind,
        mode=info.mode & 0o7777,
        uid=info.uid,
        gid=info.gid,
        size=info.size if kind == "file" else 0,
        target=_text(info.linkname) if kind == "symlink" else _path(info.linkname) if kind == "hardlink" else "",
    )
    if entry.kind == "symlink" and not entry.target:
        raise NotExact(f"a layer has {path!r}, a link to nothing")
    return LayerMember(entry, data=_Data(forward, info) if kind == "file" else None)


def _path(name: str) -> str:
    """Runtimes take each name from the root of the image, one with a slash in front, too."""
    parts = [part for part in _text(name).split("/") if part not in ("", ".")]
    if ".." in parts or len(parts) > _DEEPEST:
        raise NotExact(f"a layer has the path {name[:200]!r}")
    return "/" + "/".join(parts)


def _text(name: str) -> str:
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        raise NotExact(f"a layer has the path {ascii(name)[:200]}, which is not UTF-8") from None
    if b"\0" in encoded or len(encoded) > _LONGEST_PATH:
        raise NotExact(f"a layer has the path {name[:200]!r}")
    return name


def _check(entries: Mapping[str, PathEntry], removed: Collection[str]) -> None:
    """Runtimes differ in what they make of a layer that contradicts itself."""
    for path, entry in entries.items():
        if path in removed:
            raise NotExact(f"a layer has {path!r}, and hides it")
        if entry.kind == "hardlink" and entry.target == path:
            raise NotExact(f"a layer has {path!r}, a link to itself")
        while path != "/":
            path = parent(path)
            if path in removed:
                raise NotExact(f"a layer has {entry.path!r}, and hides {path!r}")
            if (above := entries.get(path)) is not None and above.kind != "directory":
                raise NotExact(f"a layer has {entry.path!r}, and {path!r} is no directory")


def _all(data: Readable, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        pieces += data.read(size - len(pieces))
    return bytes(pieces)


def _damaged(error: Exception) -> NotExact:
    return NotExact(f"a layer cannot be read: {type(error).__name__}")


class _Data:
    """The bytes of a file."""

    def __init__(self, forward: Forward, info: tarfile.TarInfo) -> None:
        self._forward = forward
        self._position = info.offset_data
        self._end = info.offset_data + info.size

    def read(self, size: int, /) -> bytes:
        size = min(size, self._end - self._position, LARGEST_READ)
        try:
            self._forward.seek(self._position)
            data = self._forward.take(size)
        except _DAMAGE as error:
            raise _damaged(error) from None
        if len(data) < size:
            raise _damaged(EOFError())
        self._position += len(data)
        return data
