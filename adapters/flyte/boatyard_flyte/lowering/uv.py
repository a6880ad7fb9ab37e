"""Lowers uv projects."""

import msgspec

from boatyard.spec import UVProject
from boatyard_flyte import sdk
from boatyard_flyte.lowering.arguments import shipped
from boatyard_flyte.lowering.image_so_far import ImageSoFar
from boatyard_flyte.lowering.local_files import LocalFiles
from boatyard_flyte.lowering.packages import options
from boatyard_flyte.lowering.projects import uv_tree
from boatyard_flyte.lowering.secrets import mounts
from boatyard_flyte.lowering.sources import Sources, existing

_ONLY_DEPENDENCIES = "--no-install-project"
_OF_MEMBERS = ("--package", "--all-packages")


def project(layer: sdk.UVProject, sources: Sources, image: ImageSoFar) -> UVProject:
    """Adds all files that uv reads; the project's own code only with `install_project`."""
    call = f"with_uv_project({layer.pyproject.name!r})"
    pyproject = existing(layer.pyproject, call)
    lock = existing(layer.uvlock, call) if layer.uvlock else None
    secrets = mounts(layer.secret_mounts, call)
    whole = layer.project_install_mode == "install_project"
    pip = options(layer)
    words = pip.extra_args.split()
    wanted = image.wanted(
        call,
        secrets,
        whole=whole and _ONLY_DEPENDENCIES not in words,
        all_members=any(word.partition("=")[0] in _OF_MEMBERS for word in words),
    )
    tree = uv_tree(pyproject, wanted, lock=lock)
    number = sources.place()
    placed = tree.put(sources, number)
    local = LocalFiles(sources, wanted, below=f"{number}/_local", step=placed.path(tree.main))
    arguments = shipped(pip.extra_args, local, near=tree.main)
    if not whole and _ONLY_DEPENDENCIES not in words:
        arguments = f"{arguments} {_ONLY_DEPENDENCIES}".strip()
    locks = [place for place in tree.files if place.name == "uv.lock"]
    return UVProject(
        pyproject=placed.path(tree.main),
        uvlock=placed.path(locks[0]) if locks else "",
        options=msgspec.structs.replace(pip, extra_args=arguments),
        secret_mounts=secrets,
        source_dir=number,
    )
