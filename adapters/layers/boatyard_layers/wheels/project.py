"""Resolves and installs uv projects and uv scripts: `uv sync` itself, in a copy of the layer's folder.

uv decides from the project's lock what it would change in the image's environment, and installs it from there, with the
settings of the project. Only packages of an index are installed here.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from boatyard import toml
from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.dry_run import Changes, read_changes
from boatyard_layers.wheels.install import PinnedSource
from boatyard_layers.wheels.pins import read_pins
from boatyard_layers.wheels.project_settings import check_settings
from boatyard_layers.wheels.project_words import ProjectWords
from boatyard_layers.wheels.stage import StageFolder
from boatyard_layers.wheels.uv_process import UvTool
from boatyard_layers.wheels.words import context_path

PROJECTS: Final = "/tmp/boatyard"  # noqa: S108 - where a RUN has the project; a name here
_LOCKED: Final = re.compile(rb"^(?:name|version) = .*", re.MULTILINE)
_LOCAL_INDEX: Final = b'index = "file:'
_MOST: Final = 256 * 1024**2
"""Bytes of a folder that is copied."""


class ProjectCopy:
    """The layer's folder, with a lock that uv may write."""

    def __init__(self, asked: ProjectWords, tree: Path) -> None:
        self._asked = asked
        self._folder = tree / asked.folder
        self._lock = tree / asked.lock_place
        self._script = ("--script", str(self._folder / asked.script)) if asked.script else ()

    @property
    def contents(self) -> bytes:
        """Of the lock; empty without one."""
        return self._lock.read_bytes() if self._lock.is_file() else b""

    def adapt(self, stage: StageFolder, uv: UvTool) -> None:
        """Lets uv write other indexes into the lock. Raises NotExact if versions would have to change."""
        before = _LOCKED.findall(self.contents)
        self.lock(stage, uv)
        if _LOCKED.findall(self.contents) != before:
            raise NotExact("its lock does not fit the project")

    def lock(self, stage: StageFolder, uv: UvTool) -> None:
        words = ("--no-build-isolation", *self._asked.resolving, *self._asked.upgrading)
        uv.run(stage, ("lock",), (*words, *self._script), project=self._folder)

    def changes(self, use: str, stage: StageFolder, uv: UvTool) -> Changes:
        """What `uv sync` would change. Raises NotExact for what does not come from an index."""
        said = self._sync((*([use] if use else []), "--dry-run"), stage, uv)
        if re.search(r"^Would (?:create|replace) ", said, re.MULTILINE):
            raise NotExact("uv would make another environment for it")
        return read_changes(said)

    def install(self, names: Collection[str], stage: StageFolder, uv: UvTool) -> None:
        """Installs these distributions of the lock into a fresh stage."""
        others = sorted({package.get("name", "") for package in _packages(self.contents)} - set(names))
        left_out = [word for name in others for word in ("--no-install-package", name)]
        self._sync(("--frozen", "--no-build", *left_out), stage, uv)

    def _sync(self, words: tuple[str, ...], stage: StageFolder, uv: UvTool) -> str:
        common = ("--active", "--inexact", "--no-editable", "--no-build-isolation", "--no-compile-bytecode")
        asked = (*self._asked.resolving, *self._asked.selecting)
        return uv.run(stage, ("sync",), (*common, *words, *asked, *self._script), project=self._folder).stderr


@contextlib.contextmanager
def project_folder() -> Iterator[Path]:
    """A place for a copy. A builder's cache may be below a project of its user, whose settings uv would find."""
    with tempfile.TemporaryDirectory(prefix="project-") as folder:
        yield Path(os.path.realpath(folder)) / "project"


def resolve_project(
    asked: ProjectWords, context: Path, environment: Mapping[str, str], stage: StageFolder, uv: UvTool, tree: Path
) -> tuple[Changes, PinnedSource]:
    """The changes of a layer, and what it installs from its copy at `tree`. Raises NotExact if the layer is for
    BuildKit."""
    venv = environment.get("VIRTUAL_ENV", stage.interpreter.venv)
    if venv != stage.interpreter.venv:
        raise NotExact(f"the step has another environment, {venv}")
    _check_machine(tree)
    _copy(context, asked, tree)
    check_settings(tree, tree / asked.folder / asked.script if asked.script else None)
    copy = ProjectCopy(asked, tree)
    if asked.use == "resolve":
        changes = copy.changes("", stage, uv) if asked.script else None
        copy.lock(stage, uv)
        found = copy.changes("--frozen", stage, uv)
        if changes not in (None, found):
            raise NotExact("uv resolves the script for this platform alone to other versions")
    else:
        if asked.fits:
            _fit(copy, asked, environment, stage, uv)
        found = copy.changes(f"--{asked.use}", stage, uv)
    return found, PinnedSource(read_pins(_pylock(copy.contents, found.added), found.added), installer=copy)


def _fit(
    copy: ProjectCopy, asked: ProjectWords, environment: Mapping[str, str], stage: StageFolder, uv: UvTool
) -> None:
    """What the step does before `uv sync --locked` (`boatyard.dockerfile.projects`)."""
    if _LOCAL_INDEX in copy.contents:
        raise NotExact("its lock has an index that is a folder")
    if (
        {"UV_INDEX_URL", "UV_EXTRA_INDEX_URL"} & set(asked.variables)
        or environment.get("UV_DEFAULT_INDEX")
        or environment.get("UV_INDEX")
    ):
        copy.adapt(stage, uv)


def _check_machine(tree: Path) -> None:
    """uv looks for settings and for a workspace in all folders above a project, and for settings of the machine."""
    above = [folder / name for folder in tree.parents for name in ("uv.toml", "pyproject.toml")]
    for path in (*above, Path("/etc/uv/uv.toml")):
        if path.exists():
            raise NotExact(f"this machine has settings of uv, {path.name}")


def _copy(context: Path, asked: ProjectWords, tree: Path) -> None:
    """The context may be hostile: a link in it must not lead to the job's own files."""
    source = context_path(context, asked.source)
    total = 0
    for root, folders, files in os.walk(source):
        for name in (*folders, *files):
            path = Path(root, name)
            if not path.resolve().is_relative_to(source):
                raise NotExact("its folder has a link that leads outside")
            if not (path.is_file() or path.is_dir()):
                raise NotExact("its folder has something other than files")
            total += path.stat().st_size if path.is_file() else 0
    if total > _MOST:
        raise NotExact(f"its folder has more than {_MOST:,} bytes")
    shutil.copytree(source, tree, symlinks=False)
    if asked.lock and not asked.script:
        place = tree / asked.lock_place
        if place.resolve() != place or not place.parent.is_dir():
            raise NotExact("its lock has no place")
        shutil.copyfile(context_path(context, asked.lock), place)


def _packages(lock: bytes) -> list[dict[str, Any]]:
    try:
        packages = toml.loads(lock.decode()).get("package", [])
    except (UnicodeDecodeError, toml.TOMLDecodeError, RecursionError):
        raise NotExact("its lock cannot be read") from None
    if not isinstance(packages, list) or not all(isinstance(package, dict) for package in packages):
        raise NotExact("its lock cannot be read")
    return packages


def _pylock(lock: bytes, versions: Mapping[str, str]) -> dict[str, Any]:
    """The packages of a uv.lock that are installed, in the words of pylock.toml."""
    found: dict[str, dict[str, Any]] = {}
    for package in _packages(lock):
        name, version = package.get("name", ""), package.get("version", "")
        if versions.get(name) != version:
            continue
        index = package.get("source", {}).get("registry", "")
        if not index.startswith(("https://", "http://")):
            raise NotExact(f"{name} {version} does not come from an index")
        if name in found:
            raise NotExact(f"its lock has {name} {version} from several indexes")
        wheels = [
            {
                "url": wheel.get("url", ""),
                "hashes": {"sha256": wheel.get("hash", "").removeprefix("sha256:")},
                "size": wheel.get("size", 0),
            }
            for wheel in package.get("wheels", ())
        ]
        found[name] = {"name": name, "version": version, "index": index, "wheels": wheels}
    return {"packages": list(found.values())}
