"""Finds the lock that a build would record, and builds and writes nothing: for `boatyard plan --resolve`."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from boatyard.job import BuildJob, JobSteps
from boatyard.lock import Lock, LockedLayer
from boatyard.mirrors import mirrored
from boatyard.reference import Reference, Repository
from boatyard_layers import base as bases
from boatyard_layers.building import Building
from boatyard_layers.errors import NotExact
from boatyard_layers.locking import lock_of
from boatyard_layers.makers import Makers
from boatyard_layers.model import Facts, Group, LayerBlob, Prefix
from boatyard_layers.plan import MakerStep, key_of, steps_of
from boatyard_layers.store import LayerStore
from boatyard_registry.blobs import Blobs


class UnresolvedLayer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A layer of which only a build can tell what it installs or removes."""

    layer: int
    """Its index in the spec; -1 for the base image."""
    platform: str
    reason: str


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    lock: Lock | None
    """None if no layer changes packages."""
    unresolved: tuple[UnresolvedLayer, ...]
    """The lock is that of an image in which these layers change no packages."""


class ReadingStore(LayerStore):
    """Finds what the registry has, and writes nothing."""

    def put_layer(self, layer: LayerBlob, path: Path) -> None:
        pass

    def put_prefix(self, prefix: Prefix, facts: Facts) -> None:
        pass

    def put_facts(self, key: str, layers: Sequence[str], facts: Facts) -> None:
        pass

    def put_group(self, group: Group, path: Path) -> None:
        pass

    def put_python(self, key: str, data: bytes) -> None:
        pass


def resolve_image(job: BuildJob, building: Building) -> Resolution:
    """The lock of a job with steps, on all of its platforms.

    Raises REGISTRY_UNAVAILABLE or REGISTRY_DENIED if the base image cannot be read.
    """
    steps = job.steps
    if steps is None or len(job.base_images) != 1:
        raise ValueError("the job has no steps")
    target = Reference.parse(job.target)
    cache = Repository.parse(job.cache_repository) if job.cache_repository else target.repository
    store = ReadingStore(Blobs(building.client), cache, target.repository, force=job.force, note=building.report.log)
    last = max((number for number, step in enumerate(steps.layers, 1) if step.maker == "wheels"), default=-1)
    building = msgspec.structs.replace(building, resolved_only=last)
    locks: dict[str, tuple[LockedLayer, ...]] = {}
    unresolved: list[UnresolvedLayer] = []
    python = ""
    for platform in job.platforms:
        minor, locks[platform], left = _platform(job, steps, platform, store, building)
        python = python or minor
        unresolved += left
    known = bool(python) and any(locks.values())
    return Resolution(lock=lock_of(python, locks) if known else None, unresolved=tuple(unresolved))


def _platform(
    job: BuildJob, steps: JobSteps, platform: str, store: LayerStore, building: Building
) -> tuple[str, tuple[LockedLayer, ...], list[UnresolvedLayer]]:
    every = steps_of(job, steps)
    unresolved: list[UnresolvedLayer] = []

    def leave(step: MakerStep, reason: str) -> None:
        unresolved.append(UnresolvedLayer(layer=step.number - 1, platform=platform, reason=reason))

    reference = mirrored(Reference.parse(job.base_images[0]), job.registry_mirrors)
    try:
        base = bases.resolve(reference, platform, job.registry_mirrors, building.client, store)
    except NotExact as error:
        leave(every[0], str(error))
        return "", (), unresolved
    keys = [key_of(step, base.digest, platform) for step in every]
    makers = Makers(job, building, store, base)
    found = store.find_prefix(keys, base)
    made = makers.from_prefix(found) if found else makers.from_base()
    for step in every[keys.index(found.key) + 1 if found else 0 :]:
        if step.maker == "run":
            leave(step, "it runs a command")
        elif step.maker != "files" or step.layer is None:  # copies change no packages
            try:
                _, made = makers.make((step,), made, keys)
            except NotExact as error:
                leave(step, str(error))
                if step.number == 0:
                    break  # without its environment, nothing can be resolved
    return made.python, made.lock, unresolved
