"""Collects sources and packs them into a context."""

from collections.abc import Iterable
from pathlib import Path

from boatyard.archive import ArchiveBounds, check_path
from boatyard.context import FOLDER_MODE
from boatyard.errors import BoatyardError
from boatyard.key import paths_of
from boatyard.spec import ImageSpec
from boatyard.tree import trees_of
from boatyard_client.errors import ContextError
from boatyard_client.packing.contents import Contents, Packed, Tell
from boatyard_client.packing.dockerignore import DockerIgnore
from boatyard_client.packing.item import Item, made
from boatyard_client.packing.reach import reach_of
from boatyard_client.packing.reading import read_entries
from boatyard_client.packing.scan import Ignore, Scan, shown


class Packer:
    """Collects sources under paths of the context, and packs all of them together.

    Two sources may share a folder of the context, but not a file.
    """

    def __init__(self, *, bounds: ArchiveBounds | None = None, progress: Tell | None = None) -> None:
        self._bounds = bounds or ArchiveBounds()
        self._progress = progress
        self._scans: list[Scan] = []
        self._made: list[Item] = []

    def add(self, path: str, source: Path, *, ignore: Ignore | None = None) -> None:
        """Adds a file, or a folder with its contents, at `path`; `.` is the context itself.

        Below a folder, links to files are followed. `ignore` is called with paths below the source; if it also has
        `may_keep_below(folder)`, as DockerIgnore does, ignored folders are searched.
        """
        self._scans.append(Scan(_path(path), source, ignore, as_docker=False))

    def add_build_context(self, folder: Path, *, ignore: DockerIgnore | None = None) -> None:
        """Adds the folder that a Dockerfile's COPY reads from. Modes, links and empty folders are kept."""
        self._scans.append(Scan(".", folder, ignore, as_docker=True))

    def add_bytes(self, path: str, data: bytes) -> None:
        """Adds a generated file."""
        self._made.append(made(_path(path), data))

    @property
    def empty(self) -> bool:
        """True if nothing was added: a spec without files needs no context."""
        return not self._scans and not self._made

    def read(self, paths: Iterable[str] = (), *, progress: Tell | None = None) -> Contents:
        """Reads the contents of the context. `paths` are those that layers name (`context_paths`); each gets a tree
        digest.

        Unchanged files are not read again (`stat_cache`).

        Raises ContextError for files that cannot be packed, ContextChangedError for files that change meanwhile.
        """
        items = self._collect()
        left_out = tuple(name for scan in self._scans for name in scan.left_out)
        self._check_bounds(items)
        entries = read_entries(items, (scan.source for scan in self._scans), progress)
        try:
            trees = trees_of(entries, tuple(dict.fromkeys(paths)))
        except BoatyardError as error:
            raise ContextError(error.detail) from None
        return Contents(items, entries, trees, left_out, self._collect)

    def read_for(self, spec: ImageSpec, *, progress: Tell | None = None) -> Contents | None:
        """Reads the context of a spec; of a Dockerfile, only the paths that it can copy. None if nothing is copied.

        Raises as `read`, and MissingFileError or INVALID_DOCKERFILE as `reach_of`.
        """
        if spec.dockerfile:
            for scan in self._scans:
                if scan.as_docker:
                    scan.reach = reach_of(spec, scan.source, scan.ignore)
        contents = None if self.empty else self.read(context_paths(spec), progress=progress)
        return contents if contents and contents.entries else None

    def pack(self, paths: Iterable[str] = (), *, progress: Tell | None = None) -> Packed:
        """Calls `read`, then packs the archive immediately."""
        return self.read(paths).pack(progress or self._progress)

    def _collect(self) -> list[Item]:
        """All items by path, including the parents of added paths."""
        found: dict[str, Item] = {}
        for scan in self._scans:
            for item in scan.items():
                _insert(found, item)
        for item in self._made:
            _insert(found, item)
        for path in list(found):
            while parent := path.rpartition("/")[0]:
                above = found.get(parent)
                if above is None:
                    found[parent] = Item(parent, "folder", parent, FOLDER_MODE)
                elif above.kind == "folder":
                    break
                else:
                    raise ContextError(f"{parent!r} is a {above.kind} and also a folder of the context")
                path = parent
        return sorted(found.values(), key=lambda item: item.path)

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


def context_paths(spec: ImageSpec) -> tuple[str, ...]:
    """The paths that a spec's layers name; everything for a Dockerfile, which may copy any path."""
    if spec.dockerfile:
        return (".",)
    return tuple(dict.fromkeys(path for layer in spec.layers for path in paths_of(layer)))


def _insert(found: dict[str, Item], item: Item) -> None:
    there = found.setdefault(item.path, item)
    same_file = there.source == item.source and there.kind == item.kind and there.data == item.data
    if there is not item and not same_file and not (there.kind == item.kind == "folder"):
        raise ContextError(
            f"two sources have the path {item.path!r} in the context: {shown(there.source)} and {shown(item.source)}"
        )


def _path(path: str) -> str:
    if path == ".":
        return path
    try:
        return check_path(path)
    except BoatyardError:
        raise ContextError(f"{path!r} is not a path inside a context") from None
