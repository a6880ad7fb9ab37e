"""Reads the tar of a layer of any registry: hostile, compressed or not, and larger than memory."""

import gzip
import tarfile
from collections.abc import Callable
from typing import IO, Final, NamedTuple, cast

import zstandard

from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import is_plain, join, parent
from boatyard_layers.model import Kind, PathEntry

_MOST_ENTRIES: Final = 2_000_000
_LARGEST_KEPT: Final = 64 * 1024**2
"""Bytes that a caller may keep of one file."""
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_KINDS: Final[dict[bytes, Kind]] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
}


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
    """Reads one layer to its end. Raises NotExact if it is no tar, or has what no layer may have."""
    entries: list[PathEntry] = []
    removed: list[str] = []
    opaque: list[str] = []
    kept: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=plain(stream, media_type), mode="r|", errors="surrogateescape") as archive:
            for member in archive:
                if len(entries) + len(removed) > _MOST_ENTRIES:
                    raise NotExact(f"a layer has more than {_MOST_ENTRIES:,} paths")
                path = _path(member.name)
                name = path.rpartition("/")[2]
                if name == _OPAQUE:
                    opaque.append(parent(path))
                    continue
                if name.startswith(_WHITEOUT):
                    hidden = join(parent(path), name.removeprefix(_WHITEOUT))
                    if not is_plain(hidden):
                        raise NotExact(f"a layer has the path {member.name[:200]!r}")
                    removed.append(hidden)
                    continue
                entry = _entry(member, path)
                entries.append(entry)
                if entry.kind == "file" and keep(entry):
                    kept[path] = _contents(archive, member)
    except (tarfile.TarError, OSError, EOFError, zstandard.ZstdError, ValueError) as error:
        raise NotExact(f"a layer cannot be read: {type(error).__name__}") from None
    return LayerContents(tuple(entries), tuple(removed), tuple(opaque), kept)


def plain(stream: IO[bytes], media_type: str) -> IO[bytes]:
    """The uncompressed tar."""
    if media_type.endswith("zstd"):
        return cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    if media_type.endswith("gzip"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream, mode="rb"))
    if media_type.endswith("tar"):
        return stream
    raise NotExact(f"a layer is of the type {media_type[:100]!r}")


def _path(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    path = "/" + "/".join(parts)
    if ".." in parts or not is_plain(path):
        raise NotExact(f"a layer has the path {name[:200]!r}")
    return path


def _entry(member: tarfile.TarInfo, path: str) -> PathEntry:
    kind = _KINDS.get(member.type, "other")
    target = member.linkname if kind == "symlink" else _path(member.linkname) if kind == "hardlink" else ""
    return PathEntry(
        path=path,
        kind=kind,
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        size=member.size if kind == "file" else 0,
        target=target,
    )


def _contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > _LARGEST_KEPT:
        raise NotExact(f"{member.name[:200]!r} is larger than {_LARGEST_KEPT:,} bytes")
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
