"""Poetry projects."""

from collections.abc import Sequence

from boatyard.spec import PoetryProject

from boatyard_flyte import sdk
from boatyard_flyte.lowering.ignore import VIRTUALENV, files
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing

_ONLY_DEPENDENCIES = "--no-root"


def project(layer: sdk.PoetryProject, sources: Sources, ignored: Sequence[str]) -> PoetryProject:
    """Either pyproject.toml and the lock, or the whole folder with the lock in it."""
    call = f"with_poetry_project({layer.pyproject.name!r})"
    pyproject = existing(layer.pyproject, call)
    lock = existing(layer.poetry_lock, call)
    arguments = (layer.extra_args or "").strip()
    if layer.project_install_mode == "install_project":
        folder = pyproject.parent
        place = sources.folder(folder.resolve().name or "project")
        sources.put_all(place, files(folder, [*VIRTUALENV, *ignored]))
        sources.put(f"{place}/pyproject.toml", pyproject)
        named = place
    else:
        place = sources.folder()
        named = sources.put(f"{place}/pyproject.toml", pyproject)
        if _ONLY_DEPENDENCIES not in arguments.split():
            arguments = f"{arguments} {_ONLY_DEPENDENCIES}".strip()
    return PoetryProject(
        pyproject=named,
        poetry_lock=sources.put(f"{place}/poetry.lock", lock),
        extra_args=arguments,
        secret_mounts=mounts(layer.secret_mounts, call),
    )
