"""Poetry projects."""

from collections.abc import Sequence

from boatyard.spec import PoetryProject
from boatyard_flyte import sdk
from boatyard_flyte.lowering.ignore import VIRTUALENV, FlyteIgnore
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing

_ONLY_DEPENDENCIES = "--no-root"
_FILES = ("pyproject.toml", "poetry.lock")


def project(layer: sdk.PoetryProject, sources: Sources, ignored: Sequence[str]) -> PoetryProject:
    """pyproject.toml and the lock; with `install_project` the rest of the folder as well."""
    call = f"with_poetry_project({layer.pyproject.name!r})"
    pyproject = existing(layer.pyproject, call)
    lock = existing(layer.poetry_lock, call)
    arguments = (layer.extra_args or "").strip()
    whole = layer.project_install_mode == "install_project"
    folder = pyproject.parent
    place = sources.place((folder.resolve().name or "project") if whole else "")
    if whole:
        sources.put(place, folder, FlyteIgnore([*VIRTUALENV, *ignored], replaced=_FILES))
    elif _ONLY_DEPENDENCIES not in arguments.split():
        arguments = f"{arguments} {_ONLY_DEPENDENCIES}".strip()
    file = sources.put(f"{place}/pyproject.toml", pyproject)
    return PoetryProject(
        pyproject=place if whole else file,
        poetry_lock=sources.put(f"{place}/poetry.lock", lock),
        extra_args=arguments,
        secret_mounts=mounts(layer.secret_mounts, call),
    )
