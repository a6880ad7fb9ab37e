"""The contents of a context before packing, so that asking for an image needs no archive."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, TypeAlias

import msgspec

from boatyard.context import Context, Entry
from boatyard_client.packing.hashing import changed
from boatyard_client.packing.item import Item
from boatyard_client.packing.writer import write

_LARGEST_READ: Final = 4 * 1024 * 1024


class ReadingProgress(msgspec.Struct, frozen=True):
    """Progress of reading or packing, reported after every file. Bytes are the files' own, before compression."""

    files: int
    total_files: int
    bytes: int
    total_bytes: int


Tell: TypeAlias = Callable[[ReadingProgress], None]


class Packed:
    """A packed context. `file` is the archive, positioned at its beginning. Closing it deletes the archive.

    The archive has no name in the file system, so nothing is left however this process ends.
    """

    def __init__(self, file: IO[bytes], context: Context, contents: "Contents") -> None:
        self.file = file
        self.context = context
        self.contents = contents

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> "Packed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Contents:
    """The files of a context as they were read. `context` has their tree digests, but no archive yet."""

    def __init__(
        self,
        items: Sequence[Item],
        entries: tuple[Entry, ...],
        trees: dict[str, str],
        left_out: tuple[str, ...],
        collect: Callable[[], list[Item]],
    ) -> None:
        self._items = items
        self._collect = collect
        self.context = Context(trees=trees)
        self.entries = entries
        """All entries of the context, sorted by path, to compare contexts."""
        self.left_out = left_out
        """Local links that were skipped because they lead to a folder or nowhere."""

    def data_of(self, path: str) -> bytes | None:
        """The bytes of one file of the context; None if it is no file, or too large to be read by people."""
        item = next((item for item in self._items if item.path == path and item.kind == "file"), None)
        if item is None or item.size > _LARGEST_READ:
            return None
        return item.data if item.data is not None else Path(item.source).read_bytes()

    def write_to(self, folder: Path) -> None:
        """Writes the files, folders and links below a new folder, for this machine. FIFOs are left out."""
        folder.mkdir()
        for item in sorted(self._items, key=lambda item: item.path):
            place = folder / item.path
            place.parent.mkdir(parents=True, exist_ok=True)
            if item.kind == "folder":
                place.mkdir(exist_ok=True)
            elif item.kind == "link":
                place.symlink_to(item.target)
            elif item.data is not None:
                place.write_bytes(item.data)
            elif item.kind == "file":
                shutil.copyfile(item.source, place)

    def pack(self, progress: Tell | None = None) -> Packed:
        """Creates the archive. The caller closes it.

        Raises ContextChangedError for files that have changed since they were read: every file is compared, and at the
        end the whole listing.
        """
        file: IO[bytes] = tempfile.TemporaryFile(prefix="boatyard-")  # noqa: SIM115 - Packed closes it
        try:
            written = write(self._items, file, counter(self._items, progress))
            for item, before, now in zip(self._items, self.entries, written.entries, strict=True):
                if before != now:
                    raise changed(item.source)
            compare(self._items, self._collect())
            file.seek(0)
        except BaseException:
            file.close()
            raise
        context = Context(sha256=written.sha256, size=written.size, trees=self.context.trees)
        return Packed(file, context, self)


def compare(before: Sequence[Item], after: Sequence[Item]) -> None:
    """Raises ContextChangedError if two scans of one source differ."""
    if before == after:
        return
    was = {item.path: item for item in before}
    now = {item.path: item for item in after}
    for path in sorted(was.keys() | now.keys()):
        if was.get(path) != now.get(path):
            raise changed((now.get(path) or was[path]).source)


def counter(items: Sequence[Item], tell: Tell | None) -> Callable[[Item], None]:
    """The callback for each item, which reports the progress."""
    total_files = sum(item.kind == "file" for item in items)
    total_bytes = sum(item.size for item in items)
    files = size = 0

    def count(item: Item) -> None:
        nonlocal files, size
        if item.kind == "file" and tell:
            files += 1
            size += item.size
            tell(ReadingProgress(files, total_files, size, total_bytes))

    return count
