"""An entry that a scan finds: a file, folder, link or FIFO, with enough state to detect a change."""

import os
import stat
from typing import TypeAlias

import msgspec

from boatyard.context import FILE_MODE, Entry, Kind

Digests: TypeAlias = "dict[str, tuple[Stamp, str]]"
"""Path below a source -> a file's state, and the sha256 (hex) of its content in that state."""


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The state of a file. Between two equal stamps, nothing wrote to it, replaced it or changed its mode.

    It includes the change time, which no program can set back.
    """

    device: int
    inode: int
    mode: int
    size: int
    modified: int
    """Nanoseconds since 1970, like `changed`."""
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
    """The path in the context."""
    kind: Kind
    source: str
    """The path on this machine."""
    mode: int = 0
    """The mode in the context: permission bits, 0 for a link."""
    stamp: Stamp | None = None
    """The state of a file, after following links."""
    target: str = ""
    """The target of a link."""
    data: bytes | None = None
    """The content of a generated file."""

    @property
    def size(self) -> int:
        if self.data is not None:
            return len(self.data)
        return self.stamp.size if self.stamp else 0

    def entry(self, content: str = "") -> Entry:
        """The tree entry; `content` is the sha256 of a file's bytes."""
        if self.kind == "file":
            return Entry(self.path, "file", self.mode, self.size, content)
        return Entry(self.path, self.kind, self.mode, content=self.target)


def made(path: str, data: bytes) -> Item:
    """A generated file, which exists only in the context."""
    return Item(path, "file", path, FILE_MODE, data=data)
