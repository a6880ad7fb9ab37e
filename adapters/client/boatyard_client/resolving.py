"""Finds the lock that a build of an image would record, on this machine and without a build."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.api.messages import OrderRequest
from boatyard.build import Phase, Step
from boatyard.lock import Lock
from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard_client.errors import InputError
from boatyard_client.locked import NoImageError, lock_of_image
from boatyard_client.packing import Contents
from boatyard_client.planning import job_here

if TYPE_CHECKING:
    from boatyard_layers.resolving import UnresolvedLayer

_SECONDS: Final = 60.0


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The lock that a build records, or has recorded."""

    lock: Lock | None
    """None if no layer changes packages, or nothing is known."""
    image: str = ""
    """The image that has the lock, with its digest; empty if the lock was resolved here."""
    unresolved: "tuple[UnresolvedLayer, ...]" = ()


def expected_lock(
    ask: OrderRequest, contents: Contents | None, target: str, settings: Settings, *, look: bool = True
) -> Expected:
    """The recorded lock of `target` if there is such an image, else the versions that uv resolves now.

    Without `look` there is no such repository. Raises InputError, and the registry's errors for a base image.
    """
    if ask.spec.dockerfile:
        raise InputError("a Dockerfile's packages are known to its build alone; --resolve is for layers of packages")
    if look:
        try:
            found = lock_of_image(target, settings)
            return Expected(lock=found.lock, image=found.origin)
        except NoImageError:
            pass
    try:
        from boatyard_layers.builder_cache import BuilderCache
        from boatyard_layers.building import Building
        from boatyard_layers.errors import NotExact
        from boatyard_layers.resolving import resolve_image
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed, so nothing is resolved here", advice="Install boatyard-layers."
        ) from None
    from boatyard_client.registries import client_of

    def refuse(name: str) -> str:
        raise NotExact(f"it needs the secret {name}")

    job = msgspec.structs.replace(job_here(ask, settings), force=not look)
    images = (target, *job.base_images, *([] if job.uv.directory else [job.uv.image]))
    hosts = {Reference.parse(image).repository.host for image in images}
    with tempfile.TemporaryDirectory(prefix="boatyard-") as folder:
        work = Path(os.path.realpath(folder))
        context = work / "context"
        if contents:
            contents.write_to(context)
        else:
            context.mkdir()
        client = client_of(settings, hosts=hosts, timeout_seconds=_SECONDS)
        try:
            building = Building(
                context=context,
                work=work,
                cache=BuilderCache(work / "cache"),
                client=client,
                report=_Quiet(),
                run_segment=None,
                secret=refuse,
            )
            found_here = resolve_image(job, building)
        finally:
            client.close()
    return Expected(lock=found_here.lock, unresolved=found_here.unresolved)


class _Quiet:
    def log(self, text: str) -> None:
        pass

    def step(self, step: Step) -> None:
        pass

    def phase(self, phase: Phase) -> None:
        pass
