"""uv: projects and scripts."""

import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from boatyard.spec import AptPackages, Layer, PipOptions, PipPackages, Secret, UVProject
from boatyard_flyte import sdk
from boatyard_flyte.lowering.editables import editables_of
from boatyard_flyte.lowering.ignore import VIRTUALENV, FlyteIgnore
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
    pip: PipOptions,
    secrets: tuple[Secret, ...],
    sources: Sources,
    ignored: Sequence[str],
) -> UVProject:
    """The project's folder; pyproject.toml and the lock are in it whatever is ignored."""
    folder = pyproject.parent
    place = sources.place(folder.resolve().name or "project")
    replaced = ("pyproject.toml", *(("uv.lock",) if lock else ()))
    sources.put(place, folder, FlyteIgnore([*VIRTUALENV, *ignored], replaced=replaced))
    sources.put(f"{place}/pyproject.toml", pyproject)
    uvlock = sources.put(f"{place}/uv.lock", lock) if lock else ""
    return UVProject(pyproject=place, uvlock=uvlock, options=pip, secret_mounts=secrets, source_dir=place)


def _dependencies(
    pyproject: Path,
    lock: Path | None,
    pip: PipOptions,
    secrets: tuple[Secret, ...],
    sources: Sources,
    ignored: Sequence[str],
) -> UVProject:
    """pyproject.toml, the lock, and the folders of editable dependencies at the same relative places."""
    folder = pyproject.parent.absolute()
    editables = [path.absolute() for path in editables_of(folder)]
    above = Path(os.path.commonpath([os.path.normpath(path) for path in (folder, *editables)]))
    top = sources.place()
    place = posixpath.normpath(posixpath.join(top, _relative(folder, above)))
    sources.put(f"{place}/pyproject.toml", pyproject)
    uvlock = sources.put(f"{place}/uv.lock", lock) if lock else ""
    ignore = FlyteIgnore([*sdk.STANDARD_IGNORE_PATTERNS, *ignored])
    placed = sorted(sources.put(f"{top}/{_relative(path, above)}", path, ignore) for path in editables)
    if _ONLY_DEPENDENCIES not in pip.extra_args.split():
        pip = msgspec.structs.replace(pip, extra_args=f"{pip.extra_args} {_ONLY_DEPENDENCIES}".strip())
    return UVProject(
        pyproject=place,
        uvlock=uvlock,
        options=pip,
        secret_mounts=secrets,
        source_dir=top,
        editables=tuple(placed),
    )


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


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
        pyproject = existing(folder / "pyproject.toml", call)
        lock = folder / "uv.lock"
        yield _whole(pyproject, lock if lock.is_file() else None, pip, secrets, sources, ignored)
