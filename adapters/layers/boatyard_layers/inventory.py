"""The paths of an image's file system, without their contents: what all of its layers give together."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard_layers import zstd
from boatyard_layers.errors import NotExact
from boatyard_layers.model import PathEntry

_MOST_LINKS: Final = 40
"""As many links as Linux follows in one path (MAXSYMLINKS)."""
_LARGEST: Final = 256 * 1024**2
"""Bytes of an inventory: about a million paths."""
_FEW: Final = 16
_KEPT: Final = 4
_PLAIN: Final = re.compile(r"(?:/(?!\.{0,2}(?:/|\Z))[^/\0]+)+").fullmatch
_NOT_PLAIN: Final = ("//", "/./", "/../", "/\n", "/.\n", "/..\n", "\0")
_decoded: dict[bytes, "Inventory"] = {}
"""The last ones: a build reads the same ones repeatedly."""


class Inventory:
    """Immutable. Paths are absolute; the root exists always."""

    def __init__(self, entries: dict[str, PathEntry] | None = None) -> None:
        self._entries = entries or {"/": PathEntry(path="/", kind="directory", mode=0o755)}
        self._children: dict[str, set[str]] | None = None
        self._encoded: bytes | None = None

    @staticmethod
    def empty() -> "Inventory":
        return Inventory()

    def __iter__(self) -> Iterator[PathEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def get(self, path: str) -> PathEntry | None:
        """The entry itself; no link is followed."""
        return self._entries.get(path)

    def children(self, folder: str) -> frozenset[str]:
        """The paths directly in a folder."""
        if self._children is None:
            found: dict[str, set[str]] = {}
            for path in self._entries:
                if path != "/":
                    found.setdefault(parent(path), set()).add(path)
            self._children = found
        return frozenset(self._children.get(folder, ()))

    def applied(
        self, entries: Iterable[PathEntry], removed: Iterable[str] = (), opaque: Iterable[str] = ()
    ) -> "Inventory":
        """The view after one more layer: `removed` paths go with all below them, `opaque` folders lose what was in
        them, and then `entries` come, each with the parents that it lacks (OCI image spec, layer.md)."""
        found = dict(self._entries)
        gone = [path for path in removed if path in found and path != "/"]
        emptied = [path for path in opaque if path in found]
        if gone or emptied:
            _prune(found, gone, emptied)
        for entry in entries:
            _add(found, entry)
        return Inventory(found)

    def resolve(self, path: str) -> str:
        """Where a path leads, with every link on the way and at its end followed. Parts that do not exist stay as
        written. Raises NotExact for a loop, or a path through a file."""
        left = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        place = "/"
        links = 0
        while left:
            part = left.pop()
            if part == "..":
                place = parent(place)
                continue
            step = join(place, part)
            entry = self._entries.get(step)
            if entry is not None and entry.kind == "symlink":
                links += 1
                if links > _MOST_LINKS:
                    raise NotExact(f"{path} leads through a loop of links")
                if entry.target.startswith("/"):
                    place = "/"
                left += [word for word in reversed(entry.target.split("/")) if word not in ("", ".")]
                continue
            if entry is not None and entry.kind != "directory" and left:
                raise NotExact(f"{path} leads through {step}, which is no folder")
            place = step
        return place

    def encode(self) -> bytes:
        """Compressed JSON, sorted by path: equal views give equal bytes."""
        if self._encoded is None:
            rows = [self._entries[path] for path in sorted(self._entries)]
            self._encoded = zstd.compress(msgspec.json.encode(rows), 3)
            _remembered(self._encoded, self)
        return self._encoded

    @staticmethod
    def decode(data: bytes) -> "Inventory":
        """Raises ValueError for anything that `encode` does not write."""
        if (known := _decoded.get(data)) is not None:
            return known
        try:
            plain = zstd.decompress(data, _LARGEST)
            if plain is None:
                raise ValueError("not an inventory: it is too large")
            rows = decode_json(plain, list[PathEntry])
        except (zstd.ZstdError, Undecodable) as error:
            raise ValueError(f"not an inventory: {error}") from None
        if not are_plain([row.path for row in rows]):
            raise ValueError("not an inventory: a path is not absolute")
        found = {row.path: row for row in rows}
        parents = {path.rpartition("/")[0] or "/" for path in found}
        if "/" not in found or len(found) != len(rows) or not parents <= found.keys():
            raise ValueError("not an inventory: a path is there twice, or has no parent")
        if any(found[path].kind != "directory" for path in parents):
            raise ValueError("not an inventory: a path is in what is no directory")
        return _remembered(data, Inventory(found))


def _remembered(data: bytes, inventory: Inventory) -> Inventory:
    while len(_decoded) >= _KEPT:
        with contextlib.suppress(StopIteration, RuntimeError):  # another thread changes it
            _decoded.pop(next(iter(_decoded)), None)
    return _decoded.setdefault(data, inventory)


def parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def join(folder: str, name: str) -> str:
    return f"/{name}" if folder == "/" else f"{folder}/{name}"


def is_plain(path: str) -> bool:
    """Whether a path is absolute, and has no empty part, `.` or `..`."""
    return path == "/" or _PLAIN(path) is not None


def are_plain(paths: Sequence[str]) -> bool:
    """`is_plain` of all. A few searches in one text take a sixth of the time of a match for each path."""
    text = "".join([f"{path}\n" for path in paths if path != "/"])
    if text.count("\n") != len(paths) - paths.count("/"):
        return all(map(is_plain, paths))  # there is one with a newline
    if not text:
        return True
    begin = text.startswith("/") and text.count("\n/") == text.count("\n") - 1
    return begin and not any(each in text for each in _NOT_PLAIN)


def _prune(found: dict[str, PathEntry], gone: list[str], emptied: list[str]) -> None:
    folders = [f"{path}/" for path in gone if found[path].kind == "directory"]
    folders += ["/" if path == "/" else f"{path}/" for path in emptied]
    for path in gone:
        found.pop(path, None)
    for path in [path for path in _below(found, folders) if path != "/"]:
        del found[path]


def _below(found: Iterable[str], folders: list[str]) -> list[str]:
    """The paths that begin with one of the folders, which end with a slash."""
    if len(folders) <= _FEW:
        beginnings = tuple(folders)
        return [path for path in found if path.startswith(beginnings)] if folders else []
    wanted = {folder[:-1] or "/" for folder in folders}
    return [path for path in found if _has_parent_in(path, wanted)]


def _has_parent_in(path: str, folders: set[str]) -> bool:
    while path != "/":
        path = parent(path)
        if path in folders:
            return True
    return False


def _add(found: dict[str, PathEntry], entry: PathEntry) -> None:
    path = entry.path
    old = found.get(path)
    if old is not None and old.kind == "directory" and entry.kind != "directory":
        if path == "/":
            return
        _prune(found, [path], [])
    above = parent(path)
    while above != "/":
        there = found.get(above)
        if there is not None and there.kind == "directory":
            break
        if there is not None:
            # On an overlay a folder takes the place of a lower layer's link, on other file systems it is followed.
            raise NotExact(f"a layer has {entry.path!r}, and {above!r} is no directory")
        found[above] = PathEntry(path=above, kind="directory", mode=0o755)
        above = parent(above)
    found[path] = entry
