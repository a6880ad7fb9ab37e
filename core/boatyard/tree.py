"""Computes tree digests of the paths that layers name, from the entries of a whole context."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from boatyard.context import Entry, tree_digest
from boatyard.errors import BoatyardError, Code
from boatyard.links import follow

_PIECE: Final = 1024 * 1024


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def tree_of(entries: Iterable[Entry], path: str) -> str:
    """The tree digest of `path` (`.` is everything) among the entries of a whole context.

    A link is followed as in BuildKit, because a layer's key depends on what it copies, not on the link's text.
    Raises CONTEXT_INVALID if there is no such path.
    """
    return trees_of(entries, (path,))[path]


def trees_of(entries: Iterable[Entry], paths: Iterable[str]) -> dict[str, str]:
    """`tree_of` for many paths."""
    by_path = {entry.path: entry for entry in entries}
    return {path: tree_digest(_below(by_path, path)) for path in paths}


def content_digest(data: Readable) -> str:
    """sha256 (hex) of the remaining data, for `Entry.content`."""
    digest = hashlib.sha256()
    while piece := data.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _below(by_path: dict[str, Entry], path: str) -> Iterator[Entry]:
    if path == ".":
        yield from by_path.values()
        return
    found = _resolve(by_path, path.removesuffix("/"))
    if found == ".":
        yield from by_path.values()
        return
    entry = by_path.get(found)
    if entry is None:
        raise BoatyardError(Code.CONTEXT_INVALID, f"the context has no {path!r}")
    if entry.kind != "folder":
        yield msgspec.structs.replace(entry, path="")
        return
    prefix = found + "/"
    for name, inner in by_path.items():
        if name.startswith(prefix):
            yield msgspec.structs.replace(inner, path=name.removeprefix(prefix))


def _resolve(by_path: dict[str, Entry], path: str) -> str:
    way = follow(path, lambda at: entry.content if (entry := by_path.get(at)) and entry.kind == "link" else None)
    if way.endless:
        raise BoatyardError(Code.CONTEXT_INVALID, f"the links of {path!r} never end")
    return way.end
