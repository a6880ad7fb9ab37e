"""Files of this machine that packages, requirements and options refer to, below one folder of the context."""

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
    """Puts each file or folder under a number of its own, once. What it returns is relative to the step's folder.

    `below` is the context's folder that has them, and `step` the one that the step runs in. Without `below`, a folder
    is taken when the first file comes.
    """

    def __init__(self, sources: Sources, wanted: ProjectUse, *, below: str = "", step: str = "") -> None:
        self._sources = sources
        self._below = below
        self._step = step
        self._known: dict[object, str] = {}
        self.wanted = wanted
        self.pre = False
        """Whether a requirements file says --pre, which uv does not read there."""

    @property
    def starts(self) -> tuple[Path, ...]:
        """Where a relative path of a call may begin."""
        return (Path.cwd(), *([self.wanted.beside] if self.wanted.beside else []))

    @property
    def folder(self) -> str:
        """The context's folder; empty as long as nothing lies in it."""
        return self._below if self._known else ""

    def package(self, path: Path, shown: str) -> str:
        """A wheel, a source distribution, or a project's folder."""
        if path.is_file() and is_archive(path.name):
            return self._once(path, lambda place: self._sources.put(f"{place}/{path.name}", path))
        if path.is_dir():
            if not is_package(path):
                raise invalid(f"{self.wanted.call}: {shown}: {str(path)!r} has no pyproject.toml, so it is no project")
            return self._once(path, lambda place: self._project(path, place))
        raise invalid(
            f"{self.wanted.call}: {shown}: {str(path)!r} is neither a project's folder nor a wheel or source "
            "distribution"
        )

    def links(self, path: Path) -> str:
        """The wheels and source distributions of a folder, for --find-links, or a page that lists some."""
        if path.is_file():
            return self._once(path, lambda place: self._sources.put(f"{place}/{path.name}", path))
        return self._once(path, lambda place: self._archives(path, place))

    def made(self, name: str, data: bytes) -> str:
        """A file that is made."""
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
    """Whether uv would take a word for a path: `./x`, `~/x`, `x/y`, `file:x`, `x.whl`."""
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
    """The first path that fits, seen from each of the folders; else the first that exists.

    Raises INVALID_SPEC if there is none.
    """
    tried = [path for start in starts if (path := local_path(expand(reference), normal(start))) is not None]
    for wanted in (fits, Path.exists):
        for path in tried:
            if wanted(path):
                return path
    raise invalid(f"{call}: {shown}: there is no {' and no '.join(map(repr, dict.fromkeys(map(str, tried))))}")


def is_package(path: Path) -> bool:
    """Whether uv could install what is there. `.` exists everywhere, and is a project in few places."""
    return any((path / name).is_file() for name in _PROJECT_FILES) or (path.is_file() and is_archive(path.name))
