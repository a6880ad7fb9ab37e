"""A tree of local files and folders that keep their relative paths in the image."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from boatyard_client.packing import Ignore
from boatyard_flyte.lowering.sources import Sources


@dataclass
class Tree:
    """Files and folders of the context, by their local paths."""

    main: Path
    """The folder of the project that the tree is for."""
    folders: dict[Path, Ignore | None] = field(default_factory=dict)
    files: dict[Path, Path | bytes] = field(default_factory=dict)
    """Local path -> the file, or its content."""
    references: set[tuple[Path, Path]] = field(default_factory=set)
    """Folders of projects -> folders that they refer to by relative paths."""

    def add_file(self, place: Path, file: Path | None = None) -> None:
        """Adds `file`, or the file at the path itself. Never replaces an earlier one."""
        if file or place.is_file():
            self.files.setdefault(place, file or place)

    def put(self, sources: Sources, number: str) -> "Placed":
        """Adds the whole tree to the sources, below one folder of the context."""
        top = self._top()
        placed = Placed(number, top, self._names(top))
        for folder, ignore in self.folders.items():
            sources.put(placed.path(folder), folder, _Without(ignore, self._replaced(folder)))
        for place, file in self.files.items():
            sources.put(placed.path(place), file)
        return placed

    def _replaced(self, folder: Path) -> frozenset[str]:
        """Paths below the folder whose contents come from elsewhere."""
        return frozenset(place.relative_to(folder).as_posix() for place in self.files if place.is_relative_to(folder))

    def _top(self) -> Path:
        return Path(os.path.commonpath([self.main, *self.folders, *(place.parent for place in self.files)]))

    def _names(self, top: Path) -> dict[Path, str]:
        """Neutral names for folders between the top and the main project that no outside path refers to.

        The name of a checkout's folder is arbitrary and must not change the key.
        """
        renamed: dict[Path, str] = {}
        beside = [*self.folders, *self.files]
        for folder in (self.main, *self.main.parents):
            if folder == top:
                break
            if not any(to.is_relative_to(folder) and not by.is_relative_to(folder) for by, to in self.references):
                taken = {path.name for path in beside if path.parent == folder.parent} - {folder.name}
                renamed[folder] = next(name for name in ("project", "_project", "__project") if name not in taken)
        return renamed


@dataclass(frozen=True)
class Placed:
    """The location of a tree in the context."""

    number: str
    top: Path
    renamed: dict[Path, str]

    def path(self, place: Path) -> str:
        """The context path of a local path."""
        parts = [self.renamed.get(folder, folder.name) for folder in self._between(place)]
        return "/".join([self.number, *parts])

    def _between(self, place: Path) -> Iterator[Path]:
        """The folders from below the top down to the path."""
        chain = [place, *place.parents]
        yield from reversed(chain[: chain.index(self.top)])


class _Without:
    """Ignore rules that also leave out paths whose contents come from elsewhere."""

    def __init__(self, ignore: Ignore | None, replaced: Collection[str]) -> None:
        self._ignore = ignore
        self._replaced = replaced

    def __call__(self, path: str, /) -> bool:
        return path in self._replaced or (self._ignore is not None and self._ignore(path))

    def may_keep_below(self, folder: str, /) -> bool:
        keep = getattr(self._ignore, "may_keep_below", None)
        return bool(keep(folder)) if keep else False
