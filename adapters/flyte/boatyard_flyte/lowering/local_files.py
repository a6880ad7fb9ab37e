"""Collects the local files that packages, requirements and options refer to, in one folder of the context."""

import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from boatyard.errors import invalid
from boatyard_flyte.lowering.projects import ProjectUse, folder_tree
from boatyard_flyte.lowering.projects.paths import expand, is_archive, is_remote, local_path, normal
from boatyard_flyte.lowering.sources import Sources

Put: TypeAlias = Callable[[str], str]
_PROJECT_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")


class LocalFiles:
    """Adds each file or folder once, under its own number. Returned paths are relative to the step's folder.

    `below` is the context's folder for them, and `step` the folder that the step runs in. Without `below`, a folder
    is allocated with the first file.
    """

    def __init__(self, sources: Sources, wanted: ProjectUse, *, below: str = "", step: str = "") -> None:
        self._sources = sources
        self._below = below
        self._step = step
        self._known: dict[object, str] = {}
        self.wanted = wanted
        self.pre = False
        """Whether a requirements file has --pre, which uv ignores there."""

    @property
    def starts(self) -> tuple[Path, ...]:
        """Folders that a relative path of a call may refer to."""
        return (Path.cwd(), *([self.wanted.beside] if self.wanted.beside else []))

    @property
    def folder(self) -> str:
        """The context's folder; empty until a file is added."""
        return self._below if self._known else ""

    def package(self, path: Path, shown: str) -> str:
        """Adds a wheel, a source distribution, or a project's folder."""
        if path.is_file() and is_archive(path.name):
            return self._once(path, lambda place: self._sources.put(f"{place}/{path.name}", path))
        if path.is_dir():
            if not is_package(path):
                raise invalid(f"{self.wanted.call}: {shown}: {str(path)!r} is not a project: it has no pyproject.toml")
            return self._once(path, lambda place: self._project(path, place))
        raise invalid(
            f"{self.wanted.call}: {shown}: {str(path)!r} is neither a project's folder nor a wheel or source "
            "distribution"
        )

    def links(self, path: Path) -> str:
        """Adds the wheels and source distributions of a folder, or a page that lists some, for --find-links."""
        if path.is_file():
            return self._once(path, lambda place: self._sources.put(f"{place}/{path.name}", path))
        return self._once(path, lambda place: self._archives(path, place))

    def made(self, name: str, data: bytes) -> str:
        """Adds a generated file."""
        return self._once((name, data), lambda place: self._sources.put(f"{place}/{name}", data))

    def _once(self, what: object, put: Put) -> str:
        if what not in self._known:
            if not self._below:
                self._below = self._step = self._sources.place()
            self._known[what] = put(f"{self._below}/{len(self._known)}")
        return "./" + posixpath.relpath(self._known[what], self._step)

    def _project(self, folder: Path, place: str) -> str:
        tree = folder_tree(folder, self.wanted)
        return tree.put(self._sources, place).path(tree.main)

    def _archives(self, folder: Path, place: str) -> str:
        found = sorted(path for path in folder.iterdir() if path.is_file() and is_archive(path.name))
        if not found:
            raise invalid(f"{self.wanted.call}: there is neither a wheel nor a source distribution in {str(folder)!r}")
        for path in found:
            self._sources.put(f"{place}/{path.name}", path)
        return place


def looks_local(reference: str) -> bool:
    """Whether uv would treat a word as a path: `./x`, `~/x`, `x/y`, `file:x`, `x.whl`."""
    if is_remote(reference):
        return False
    return (
        reference.startswith((".", "/", "~", "file:"))
        or "/" in reference
        or os.sep in reference
        or is_archive(reference)
    )


def find(
    reference: str, starts: tuple[Path, ...], *, call: str, shown: str, fits: Callable[[Path], bool] = Path.exists
) -> Path:
    """The first suitable path, relative to each of the folders; else the first that exists.

    Raises INVALID_SPEC if no path exists.
    """
    tried = [path for start in starts if (path := local_path(expand(reference), normal(start))) is not None]
    for wanted in (fits, Path.exists):
        for path in tried:
            if wanted(path):
                return path
    raise invalid(f"{call}: {shown}: there is no {' and no '.join(map(repr, dict.fromkeys(map(str, tried))))}")


def is_package(path: Path) -> bool:
    """Whether uv could install the path. `.` always exists, but is rarely a project."""
    return any((path / name).is_file() for name in _PROJECT_FILES) or (path.is_file() and is_archive(path.name))
