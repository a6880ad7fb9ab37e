"""uv: projects and scripts."""

import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from boatyard.spec import AptPackages, Layer, PipPackages, Secret, UVProject
from boatyard.spec import PipOptions as Options

from boatyard_flyte import sdk
from boatyard_flyte.lowering.editables import editables_of
from boatyard_flyte.lowering.ignore import VIRTUALENV, files
from boatyard_flyte.lowering.packages import options
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing

_ONLY_DEPENDENCIES = "--no-install-project"


def project(layer: sdk.UVProject, sources: Sources, ignored: Sequence[str]) -> UVProject:
    call = f"with_uv_project({layer.pyproject.name!r})"
    pyproject = existing(layer.pyproject, call)
    lock = existing(layer.uvlock, call) if layer.uvlock else None
    secrets = mounts(layer.secret_mounts, call)
    if layer.project_install_mode == "install_project":
        return _whole(pyproject, lock, options(layer), secrets, sources, ignored)
    return _dependencies(pyproject, lock, options(layer), secrets, sources, ignored)


def _whole(
    pyproject: Path,
    lock: Path | None,
    pip: Options,
    secrets: tuple[Secret, ...],
    sources: Sources,
    ignored: Sequence[str],
) -> UVProject:
    """The project's folder, whatever is ignored with pyproject.toml and the lock in it."""
    folder = pyproject.parent
    place = sources.folder(folder.resolve().name or "project")
    sources.put_all(place, files(folder, [*VIRTUALENV, *ignored]))
    sources.put(f"{place}/pyproject.toml", pyproject)
    uvlock = sources.put(f"{place}/uv.lock", lock) if lock else ""
    return UVProject(pyproject=place, uvlock=uvlock, options=pip, secret_mounts=secrets, source_dir=place)


def _dependencies(
    pyproject: Path,
    lock: Path | None,
    pip: Options,
    secrets: tuple[Secret, ...],
    sources: Sources,
    ignored: Sequence[str],
) -> UVProject:
    """pyproject.toml, the lock, and the folders of editable dependencies at the same relative places."""
    folder = pyproject.parent
    editables = editables_of(folder)
    above = _common(folder, editables)
    top = sources.folder()
    place = posixpath.normpath(posixpath.join(top, above))
    sources.put(f"{place}/pyproject.toml", pyproject)
    uvlock = sources.put(f"{place}/uv.lock", lock) if lock else ""
    placed: list[str] = []
    for editable in editables:
        relative = posixpath.normpath(posixpath.join(place, _relative(editable, folder)))
        sources.put_all(relative, files(editable, [*sdk.STANDARD_IGNORE_PATTERNS, *ignored]))
        placed.append(relative)
    if _ONLY_DEPENDENCIES not in pip.extra_args:
        pip = msgspec.structs.replace(pip, extra_args=f"{pip.extra_args} {_ONLY_DEPENDENCIES}".strip())
    return UVProject(
        pyproject=place,
        uvlock=uvlock,
        options=pip,
        secret_mounts=secrets,
        source_dir=top,
        editables=tuple(placed),
    )


def _common(folder: Path, editables: Sequence[Path]) -> str:
    """Where the project lies below the folder that holds it and all its editables: often nowhere, `.`."""
    folders = [folder.absolute(), *(path.absolute() for path in editables)]
    return _relative(folder, Path(os.path.commonpath([os.path.normpath(path) for path in folders])))


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path.absolute(), start.absolute())).as_posix()


def script(layer: sdk.UVScript, sources: Sources, ignored: Sequence[str]) -> Iterator[Layer]:
    """The script's requirements; then, if it names projects by file://, git and each of them installed."""
    call = f"from_uv_script({layer.script.name!r})"
    requirements, projects = sdk.script_header(existing(layer.script, call))
    pip = options(layer)
    secrets = mounts(layer.secret_mounts, call)
    if requirements:
        yield PipPackages(packages=tuple(requirements), options=pip, secret_mounts=secrets)
    if projects:
        yield AptPackages(packages=("git",))  # what finds a project's version in its history
    for name in projects:
        folder = existing(Path(name), call, folder=True)
        lock = folder / "uv.lock"
        yield _whole(
            existing(folder / "pyproject.toml", call),
            lock if lock.is_file() else None,
            pip,
            secrets,
            sources,
            ignored,
        )
