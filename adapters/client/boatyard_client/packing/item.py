"""What a scan finds: one file, folder, link or FIFO, and enough of its state to notice a change."""

import os
import stat
from typing import TypeAlias

import msgspec

from boatyard.context import FILE_MODE, Entry, Kind

Digests: TypeAlias = "dict[str, tuple[Stamp, str]]"
"""Path below a source -> a file's state, and the sha256 (hex) of the content it had then."""


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The state of a file. Two equal stamps: nobody wrote to it, replaced it or changed its mode between them.

    The change time is part of it, because it is the one that a program cannot set back.
    """

    device: int
    inode: int
    mode: int
    size: int
    modified: int
    """Nanoseconds since 1970, as `changed`."""
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        return cls(found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class Item(msgspec.Struct, frozen=True, gc=False):
    """One entry of a context before it is read."""

    path: str
    """In the context."""
    kind: Kind
    source: str
    """On this machine."""
    mode: int = 0
    """As it will be in the context: permission bits, 0 for a link."""
    stamp: Stamp | None = None
    """Of a file, after links are followed."""
    target: str = ""
    """Of a link."""
    data: bytes | None = None
    """The bytes of a file that is made, not read."""

    @property
    def size(self) -> int:
        if self.data is not None:
            return len(self.data)
        return self.stamp.size if self.stamp else 0

    def entry(self, content: str = "") -> Entry:
        """Its place in a tree; `content` is the sha256 of a file's bytes."""
        if self.kind == "file":
            return Entry(self.path, "file", self.mode, self.size, content)
        return Entry(self.path, self.kind, self.mode, content=self.target)


def made(path: str, data: bytes) -> Item:
    """A file that exists only in the context."""
    return Item(path, "file", path, FILE_MODE, data=data)
