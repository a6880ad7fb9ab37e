"""The packer: sources in, one archive and its description out."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeAlias

import msgspec

from boatyard.archive import Bounds, check_path
from boatyard.context import Context, Entry
from boatyard.errors import BoatyardError
from boatyard.key import paths_of
from boatyard.spec import ImageSpec
from boatyard.tree import trees_of
from boatyard_client.errors import ContextError
from boatyard_client.packing.item import Item
from boatyard_client.packing.scan import Ignore, Scan, shown
from boatyard_client.packing.writer import changed, write


class Progress(msgspec.Struct, frozen=True):
    """How far packing is; told after every file. Bytes are those of the files, before compression."""

    files: int
    total_files: int
    bytes: int
    total_bytes: int


Tell: TypeAlias = Callable[[Progress], None]


class Packed:
    """A packed context: `file` holds the archive, at its beginning. Closing it deletes the archive.

    The archive has no name in the file system, so nothing is left of it however this process ends.
    """

    def __init__(self, file: IO[bytes], context: Context, entries: tuple[Entry, ...], left_out: tuple[str, ...]):
        self.file = file
        self.context = context
        self.entries = entries
        """Everything in the archive, sorted by path: what a difference between two contexts is told from."""
        self.left_out = left_out
        """Links on this machine that lead to a folder or to nothing, and were left out."""

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Packer:
    """Collects sources under paths of the context, then packs them all at once.

    Two sources may share a folder of the context, but not a file.
    """

    def __init__(self, *, bounds: Bounds | None = None, progress: Tell | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._progress = progress
        self._scans: list[Scan] = []
        self._made: list[Item] = []

    def add(self, path: str, source: Path, *, ignore: Ignore | None = None) -> None:
        """A file, or a folder with what is in it, at `path`; `.` is the context itself.

        Links below a folder are followed when they lead to a file. `ignore` gets paths below the source;
        if it also has `may_keep_below(folder)`, as DockerIgnore does, ignored folders are looked into.
        """
        self._scans.append(Scan(_path(path), source, ignore, keep_links=False))

    def add_build_context(self, folder: Path, *, ignore: Ignore | None = None) -> None:
        """The folder that a Dockerfile's COPY reads from: links and empty folders stay what they are."""
        self._scans.append(Scan(".", folder, ignore, keep_links=True))

    def add_bytes(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """A file that is made here."""
        self._made.append(Item(_path(path), "file", Path(path), data=data, executable=executable))

    @property
    def empty(self) -> bool:
        """True if nothing was added: a spec without files needs no context."""
        return not self._scans and not self._made

    def pack(self, paths: Iterable[str] = (), *, progress: Tell | None = None) -> Packed:
        """Reads everything. `paths` are those that layers name (`context_paths`); each gets a tree digest.

        Raises ContextError for what cannot be packed, ContextChangedError for what is written to meanwhile:
        every file is compared with its state at the beginning, and so is the whole listing at the end.
        """
        items = self._collect()
        left_out = tuple(name for scan in self._scans for name in scan.left_out)
        self._check_bounds(items)
        file: IO[bytes] = tempfile.TemporaryFile(prefix="boatyard-")  # noqa: SIM115 - Packed closes it
        try:
            written = write(items, file, _counter(items, progress or self._progress))
            self._compare(items, self._collect())
            try:
                trees = trees_of(written.entries, tuple(dict.fromkeys(paths)))
            except BoatyardError as error:
                raise ContextError(error.detail) from None
            file.seek(0)
        except BaseException:
            file.close()
            raise
        context = Context(sha256=written.sha256, size=written.size, trees=trees)
        return Packed(file, context, written.entries, left_out)

    def _collect(self) -> list[Item]:
        """All items by path, parents of added paths included."""
        found: dict[str, Item] = {}
        for scan in self._scans:
            scan.left_out.clear()
            for item in scan.items():
                _insert(found, item)
        for item in self._made:
            _insert(found, item)
        for path in list(found):
            while parent := path.rpartition("/")[0]:
                above = found.get(parent)
                if above is None:
                    found[parent] = Item(parent, "folder", Path(parent))
                elif above.kind == "folder":
                    break
                else:
                    raise ContextError(f"{parent!r} is a {above.kind} and a folder of the context at once")
                path = parent
        return sorted(found.values(), key=lambda item: item.path)

    def _compare(self, before: list[Item], after: list[Item]) -> None:
        if before == after:
            return
        was = {item.path: item for item in before}
        now = {item.path: item for item in after}
        for path in sorted(was.keys() | now.keys()):
            if was.get(path) != now.get(path):
                raise changed((now.get(path) or was[path]).source)

    def _check_bounds(self, items: list[Item]) -> None:
        advice = "Leave files out with a .dockerignore."
        if len(items) > self._bounds.entries:
            raise ContextError(
                f"the context has {len(items):,} files and folders; {self._bounds.entries:,} are allowed",
                advice=advice,
            )
        total = sum(item.size for item in items)
        if total > self._bounds.unpacked_bytes:
            largest = max(items, key=lambda item: item.size)
            raise ContextError(
                f"the context's files have {total:,} bytes, {self._bounds.unpacked_bytes:,} are allowed; "
                f"the largest is {shown(largest.source)} with {largest.size:,}",
                advice=advice,
            )


def _counter(items: list[Item], tell: Tell | None) -> Callable[[Item], None]:
    """What the writer calls after every item."""
    total_files = sum(item.kind == "file" for item in items)
    total_bytes = sum(item.size for item in items)
    files = size = 0

    def count(item: Item) -> None:
        nonlocal files, size
        if item.kind == "file" and tell:
            files += 1
            size += item.size
            tell(Progress(files, total_files, size, total_bytes))

    return count


def context_paths(spec: ImageSpec) -> tuple[str, ...]:
    """The paths that a spec's layers name; everything for a Dockerfile, which may copy anything."""
    if spec.dockerfile:
        return (".",)
    return tuple(dict.fromkeys(path for layer in spec.layers for path in paths_of(layer)))


def _insert(found: dict[str, Item], item: Item) -> None:
    there = found.setdefault(item.path, item)
    same_file = there.source == item.source and there.kind == item.kind and there.data == item.data
    if there is not item and not same_file and not (there.kind == item.kind == "folder"):
        raise ContextError(
            f"two sources want to be {item.path!r} in the context: {shown(there.source)} and {shown(item.source)}"
        )


def _path(path: str) -> str:
    if path == ".":
        return path
    try:
        return check_path(path)
    except BoatyardError:
        raise ContextError(f"{path!r} is not a path inside a context") from None
