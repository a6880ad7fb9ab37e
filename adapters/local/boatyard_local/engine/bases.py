"""Decides which base images have to be created locally, and creates the missing ones."""

from typing import Final, NamedTuple

from boatyard_local.engine import images, imports, mounts, reachable, record, registry, rootfs
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.images import Recipe
from boatyard_local.engine.imports import ImportBuilder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import MadeImage
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.progress import EngineProgress
from boatyard_local.engine.record import EngineLedger, Imported
from boatyard_local.engine.registry import RegistryAccount

_FROM_HUB: Final = f"docker.io/library/python:{rootfs.PYTHON}-slim-{rootfs.CODENAME}"


class WantedImages(NamedTuple):
    """The base images to create, because they cannot be pulled."""

    python: Debian | None = None
    """The machine whose packages make up the Python base; None if Docker Hub's image can be pulled."""
    flyte: bool = False
    note: str = ""
    """A note for the user if a base image is missing and cannot be created."""

    def __len__(self) -> int:
        return (self.python is not None) + self.flyte


def choose(machine: Debian | str) -> WantedImages:
    """Asks the registries of the usual base images. Unreachable ones have to be replaced."""
    missing = reachable.unreachable((images.DOCKER_HUB, images.GHCR))
    if images.DOCKER_HUB not in missing:
        return WantedImages(flyte=images.GHCR in missing)
    if isinstance(machine, str):
        return WantedImages(
            note=f"{' and '.join(sorted(missing))} cannot be reached, and no base image can be made, since {machine}: "
            "set registryMirrors, or build from images of a registry that can be reached"
        )
    return WantedImages(machine, images.GHCR in missing)


class KeptImages(NamedTuple):
    """The existing images that match today's recipes."""

    images: tuple[MadeImage, ...]
    missing: tuple[str, ...]
    """Repositories; python before flyte, which is based on it."""


def kept(wanted: WantedImages, account: RegistryAccount, ledger: EngineLedger) -> KeptImages:
    """Compares the ledger and the registry with today's recipes. Raises EngineError if the registry does not answer."""
    found: list[MadeImage] = []
    missing: list[str] = []
    base = _FROM_HUB
    for recipe in _recipes(wanted, base):
        current = _recipe_from(recipe, base)
        image = None if missing else _there(current, account, ledger)
        if image is None:
            missing.append(current.repository)
        else:
            found.append(image)
            base = image.reference
    return KeptImages(tuple(found), tuple(missing))


def are_current(
    made: tuple[MadeImage, ...], account: RegistryAccount, machine: Debian | str, ledger: EngineLedger
) -> bool:
    """Whether the images still exist and match today's recipes."""
    repositories = {image.reference.partition("/")[2].partition(":")[0] for image in made}
    if images.PYTHON in repositories and isinstance(machine, str):
        return False
    python = machine if images.PYTHON in repositories and not isinstance(machine, str) else None
    return kept(WantedImages(python, images.FLYTE in repositories), account, ledger).images == made


def _recipes(wanted: WantedImages, base: str) -> list[Recipe]:
    python = images.python(wanted.python) if wanted.python is not None else None
    flyte = images.flyte(base) if wanted.flyte else None
    return [recipe for recipe in (python, flyte) if recipe is not None]


def _recipe_from(recipe: Recipe, base: str) -> Recipe:
    """The recipe of flyte's image, with the digest of its base."""
    return (images.flyte(base) or recipe) if recipe.repository == images.FLYTE else recipe


def _there(recipe: Recipe, account: RegistryAccount, ledger: EngineLedger) -> MadeImage | None:
    imported = ledger.images.get(recipe.repository)
    if imported is None or imported.fingerprint != recipe.fingerprint:
        return None
    if registry.digest(account, recipe.repository, recipe.tag) != imported.digest:
        return None
    return _image(recipe, account.address, imported.digest)


def _image(recipe: Recipe, address: str, digest: str) -> MadeImage:
    reference = f"{address}/{recipe.repository}:{recipe.tag}@{digest}"
    return MadeImage(reference, recipe.stands_for, recipe.why)


def root(layout: Layout, machine: Debian, progress: EngineProgress, commands: ChildProcesses) -> None:
    """Creates the root file system, which takes longest, while the engine is downloaded."""
    with progress.step(f"Python {rootfs.PYTHON} on Debian {rootfs.CODENAME} by debootstrap") as step:
        tar = rootfs.make(layout, machine, commands)
        step.say(f"{tar.stat().st_size / 1e6:.0f} MB")


def make(
    layout: Layout, builder: ImportBuilder, wanted: WantedImages, progress: EngineProgress, commands: ChildProcesses
) -> tuple[MadeImage, ...]:
    """Imports the missing images; returns all images that were created here."""
    layout.base.mkdir(parents=True, exist_ok=True)
    made: list[MadeImage] = []
    base = _FROM_HUB
    account = RegistryAccount.of(layout, builder.registry)
    for recipe in _recipes(wanted, base):
        current = _recipe_from(recipe, base)
        ledger = record.load(layout.ledger, EngineLedger) or EngineLedger()
        image = _there(current, account, ledger)
        if image is None:
            with progress.step(f"Base image {current.repository}:{current.tag}") as step:
                image = _import(layout, builder, current, wanted, commands)
                step.say(f"made here: {current.why}")
        made.append(image)
        base = image.reference
    return tuple(made)


def _import(
    layout: Layout, builder: ImportBuilder, recipe: Recipe, wanted: WantedImages, commands: ChildProcesses
) -> MadeImage:
    tar = None
    if recipe.repository == images.PYTHON and wanted.python is not None:
        tar = rootfs.make(layout, wanted.python, commands)
    digest = imports.build(layout, builder, recipe, tar, commands)
    ledger = record.load(layout.ledger, EngineLedger) or EngineLedger()
    entries = {**ledger.images, recipe.repository: Imported(recipe.fingerprint, digest)}
    record.save(layout.ledger, EngineLedger(port=ledger.port, images=entries))
    if tar is not None:
        mounts.remove(tar)
    return _image(recipe, builder.registry, digest)
