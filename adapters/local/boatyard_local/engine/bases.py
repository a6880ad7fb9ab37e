"""Which base images have to be made here, and making them."""

from typing import NamedTuple

from boatyard_local.engine import images, imports, mounts, reachable, registry, rootfs
from boatyard_local.engine.command import Commands
from boatyard_local.engine.images import Recipe
from boatyard_local.engine.imports import Builder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import Image
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.progress import Progress
from boatyard_local.engine.record import Record

_PYTHON_FROM_HUB = f"docker.io/library/python:{rootfs.PYTHON}-slim-{rootfs.CODENAME}"


class Wanted(NamedTuple):
    """What must be made because it cannot be pulled."""

    machine: Debian | None
    python: bool
    flyte: bool
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, wanted in (("python", self.python), ("flyte", self.flyte)) if wanted)


def choose(machine: Debian | str) -> Wanted:
    """Ask the registries of the ordinary base images; what cannot be reached has to be made."""
    missing = reachable.unreachable((images.DOCKER_HUB, images.GHCR))
    if not missing:
        return Wanted(None, False, False)
    if isinstance(machine, str) and images.DOCKER_HUB in missing:
        hosts = " and ".join(sorted(missing))
        note = (
            f"{hosts} cannot be reached and no base image can be made, since {machine}: "
            "set registryMirrors, or use base images of a registry that can be reached"
        )
        return Wanted(None, False, False, (note,))
    return Wanted(None if isinstance(machine, str) else machine, images.DOCKER_HUB in missing, images.GHCR in missing)


def are_there(before: Record, machine: Debian | str) -> bool:
    """True if every base image made here is in the registry, and would be made the same way today."""
    for image in before.engine.images:
        repository, tag, digest = _parts(image)
        recipe = _recipe(repository, before, machine)
        if recipe is None or before.fingerprints.get(repository) != recipe.fingerprint:
            return False
        if registry.digest(before.engine.registry, repository, tag) != digest:
            return False
    return True


def _recipe(repository: str, before: Record, machine: Debian | str) -> Recipe | None:
    if repository == "boatyard/python":
        return None if isinstance(machine, str) else images.python(machine)
    python = next((i for i in before.engine.images if _parts(i)[0] == "boatyard/python"), None)
    return images.flyte(python.reference if python else _PYTHON_FROM_HUB)


def _parts(image: Image) -> tuple[str, str, str]:
    """`host:port/repository:tag@digest` -> repository, tag, digest."""
    name, _, digest = image.reference.partition("@")
    repository, _, tag = name.partition("/")[2].rpartition(":")
    return repository, tag, digest


def has_python(before: Record, machine: Debian, layout: Layout) -> bool:
    """True if the Python base need not be made again. The registry's data outlives its process."""
    recipe = images.python(machine)
    tags = layout.registry_data / f"docker/registry/v2/repositories/{recipe.repository}/_manifests/tags"
    return before.fingerprints.get(recipe.repository) == recipe.fingerprint and (tags / recipe.tag).is_dir()


def root(layout: Layout, wanted: Wanted, progress: Progress, commands: Commands) -> None:
    assert wanted.machine is not None  # noqa: S101 - the caller's condition, for the type checker
    layout.base.mkdir(parents=True, exist_ok=True)
    with progress.step(f"Python {rootfs.PYTHON} on Debian {rootfs.CODENAME} by debootstrap") as step:
        tar = rootfs.make(layout, wanted.machine, commands)
        step.say(f"{tar.stat().st_size / 1e6:.0f} MB")


def make(
    layout: Layout,
    builder: Builder,
    wanted: Wanted,
    before: Record | None,
    progress: Progress,
    commands: Commands,
) -> tuple[tuple[Image, ...], dict[str, str]]:
    """Import what is wanted and not there; returns all images made here with their recipes' fingerprints."""
    layout.base.mkdir(parents=True, exist_ok=True)
    made: list[Image] = []
    fingerprints: dict[str, str] = {}
    base = _PYTHON_FROM_HUB
    for name in wanted.names:
        recipe: Recipe | None
        if name == "python" and wanted.machine is not None:
            recipe = images.python(wanted.machine)
        else:
            recipe = images.flyte(base)
        if recipe is None:
            progress.total -= 1
            continue
        image = _kept(recipe, builder, before)
        if image is None:
            with progress.step(f"Base image {recipe.repository}:{recipe.tag}") as step:
                tar = None
                if name == "python" and wanted.machine is not None:
                    tar = rootfs.make(layout, wanted.machine, commands)
                image = Image(imports.build(layout, builder, recipe, tar, commands), recipe.stands_for, recipe.why)
                step.say(f"made here, since {recipe.why}")
                if tar is not None:
                    mounts.remove(tar)
        else:
            progress.total -= 1
        if name == "python":
            base = image.reference
        made.append(image)
        fingerprints[recipe.repository] = recipe.fingerprint
    return tuple(made), fingerprints


def _kept(recipe: Recipe, builder: Builder, before: Record | None) -> Image | None:
    """The image of an earlier run, if it is still there and its recipe has not changed."""
    if before is None or before.fingerprints.get(recipe.repository) != recipe.fingerprint:
        return None
    found = registry.digest(builder.registry, recipe.repository, recipe.tag)
    earlier = {_parts(image)[0]: _parts(image)[2] for image in before.engine.images}
    if found is None or earlier.get(recipe.repository) != found:
        return None
    reference = f"{builder.registry}/{recipe.repository}:{recipe.tag}@{found}"
    return Image(reference, recipe.stands_for, recipe.why)
