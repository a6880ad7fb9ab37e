"""What a scan finds: one file, folder or link, and enough of its state to notice a change."""

import os
import stat
from pathlib import Path
from typing import Literal

import msgspec


class Stamp(msgspec.Struct, frozen=True):
    """The state of a file. Two equal stamps: nobody wrote to it, replaced it or changed its mode between them.

    The change time is part of it, because it is the one that a program cannot set back.
    """

    device: int
    inode: int
    mode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        return cls(found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class Item(msgspec.Struct, frozen=True):
    """One entry of a context before it is read."""

    path: str
    """In the context."""
    kind: Literal["file", "folder", "link"]
    source: Path
    """On this machine."""
    stamp: Stamp | None = None
    """Of a file, after links are followed."""
    target: str = ""
    """Of a link."""
    data: bytes | None = None
    """The bytes of a file that is made, not read."""
    executable: bool = False
    """Of a file that is made."""

    @property
    def size(self) -> int:
        if self.data is not None:
            return len(self.data)
        return self.stamp.size if self.stamp else 0
