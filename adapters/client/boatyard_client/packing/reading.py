"""Determines the sha256 of every file: the remembered one, or a new one of its bytes."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from boatyard.context import Entry
from boatyard_client.packing import stat_cache
from boatyard_client.packing.contents import Tell, counter
from boatyard_client.packing.hashing import hash_files
from boatyard_client.packing.item import Digests, Item


class _Group(msgspec.Struct, frozen=True):
    """The files below one source folder, and their remembered digests by name."""

    folder: Path
    files: dict[str, Item]
    remembered: Digests


def read_entries(items: Sequence[Item], folders: Iterable[Path], progress: Tell | None) -> tuple[Entry, ...]:
    """The entries of a context, in the order of the items. Digests below `folders` may be remembered.

    Raises ContextChangedError for a file that changes meanwhile.
    """
    read_at = time.time_ns()
    groups = list(_groups(items, folders))
    digests = {item.path: hashlib.sha256(item.data).hexdigest() for item in items if item.data is not None}
    for group in groups:
        for name, item in group.files.items():
            row = group.remembered.get(name)
            if row is not None and row[0] == item.stamp:
                digests[item.path] = row[1]
    unknown = [item for item in items if item.kind == "file" and item.path not in digests]
    hashed = hash_files(unknown, counter(unknown, progress))
    digests.update(zip((item.path for item in unknown), hashed, strict=True))
    for group in groups:
        now = {name: (item.stamp, digests[item.path]) for name, item in group.files.items() if item.stamp is not None}
        if now != group.remembered:
            stat_cache.save(group.folder, now, read_at=read_at)
    return tuple(item.entry(digests.get(item.path, "")) for item in items)


def _groups(items: Sequence[Item], folders: Iterable[Path]) -> Iterator[_Group]:
    for folder in dict.fromkeys(folders):
        prefix = str(folder).rstrip("/") + "/"
        start = len(prefix)
        files = {item.source[start:]: item for item in items if item.stamp and item.source.startswith(prefix)}
        if stat_cache.is_worthwhile(len(files), sum(item.size for item in files.values())):
            yield _Group(folder, files, stat_cache.load(folder))
