"""Lowers Poetry projects."""

from boatyard.spec import PoetryProject
from boatyard_flyte import sdk
from boatyard_flyte.lowering.image_so_far import ImageSoFar
from boatyard_flyte.lowering.projects import poetry_tree
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing

_ONLY_DEPENDENCIES = "--no-root"


def project(layer: sdk.PoetryProject, sources: Sources, image: ImageSoFar) -> PoetryProject:
    """Adds pyproject.toml, the lock and path dependencies; with `install_project` also the rest of the folder."""
    call = f"with_poetry_project({layer.pyproject.name!r})"
    pyproject = existing(layer.pyproject, call)
    lock = existing(layer.poetry_lock, call)
    arguments = (layer.extra_args or "").strip()
    whole = layer.project_install_mode == "install_project"
    secrets = mounts(layer.secret_mounts, call)
    if not whole and _ONLY_DEPENDENCIES not in arguments.split():
        arguments = f"{arguments} {_ONLY_DEPENDENCIES}".strip()
    tree = poetry_tree(pyproject, lock, image.wanted(call, secrets, whole=whole))
    number = sources.place()
    placed = tree.put(sources, number)
    return PoetryProject(
        pyproject=placed.path(tree.main if whole else tree.main / "pyproject.toml"),
        poetry_lock=placed.path(tree.main / "poetry.lock"),
        extra_args=arguments,
        secret_mounts=secrets,
        source_dir=number,
    )
