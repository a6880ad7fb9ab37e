"""Checks after a build what the registry has under its tag: the pushed image, or one that another build pushed."""

from pathlib import Path
from typing import Final

from boatyard import lifecycle
from boatyard.build import Failure, Image
from boatyard.errors import BoatyardError, Code
from boatyard.job import KEY_LABEL, BuildJob
from boatyard.reference import Reference
from boatyard_registry import DockerConfigKeychain, OciRegistry
from boatyard_registry.registry import ImageContents

_SECONDS: Final = 60.0
"""Seconds for a lookup: a build that took minutes must not fail because of a slow answer."""


def check_pushed(job: BuildJob, digest: str, docker_config: Path) -> tuple[str, ...]:
    """The digests of the image's layers. Raises REGISTRY_UNAVAILABLE if the tag points to another image, or to one
    without the key's label on every platform, which the service would not accept."""
    target = Reference.parse(job.target)
    found = _registry(job, docker_config).contents(target)
    if found is None:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE,
            f"BuildKit reported that it pushed {digest}, but {target} does not exist; a Docker engine needs the "
            "containerd image store for that",
        )
    if found.digest != digest:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, f"wrong digest: after the push of {digest}, {target} leads to {found.digest}"
        )
    if found.key != job.key:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, f"{target} has not the label {KEY_LABEL} that it was built with: {found.key}"
        )
    return found.layers


def refused_tag(job: BuildJob, failure: Failure, docker_config: Path) -> ImageContents | Failure:
    """The image under the tag, if it is the wanted one; else the reason why the push was refused."""
    target = Reference.parse(job.target)
    registry = _registry(job, docker_config)
    try:
        image = registry.find(target, ())
        if image is None:
            return lifecycle.failure(
                Code.PUSH_DENIED, f"the registry refuses the manifest of {target}", failure.log_tail
            )
        found = registry.contents(target.at(image.digest)) if _is_ours(job, image) and not job.force else None
    except BoatyardError:
        return failure
    return found or failure


def there_already(job: BuildJob, docker_config: Path) -> ImageContents | None:
    """The image, if the registry has it and only the build's own secret can read it.

    None also if that is unknown: the build then reports why.
    """
    target = Reference.parse(job.target)
    registry = _registry(job, docker_config)
    try:
        image = registry.find(target, job.platforms)
        return registry.contents(target.at(image.digest)) if image and _is_ours(job, image) else None
    except BoatyardError:
        return None


def give_tags(job: BuildJob, digest: str, docker_config: Path) -> None:
    """Points the job's further tags to its image. Raises like `boatyard_registry.copying.copy`."""
    from boatyard_registry.copying import copy

    source = Reference.parse(job.target).at(digest)
    client = _registry(job, docker_config).client
    for tag in job.tags:
        copy(client, source, Reference.parse(tag))


def _is_ours(job: BuildJob, image: Image) -> bool:
    return image.key == job.key and set(job.platforms) <= set(image.platforms)


def _registry(job: BuildJob, docker_config: Path) -> OciRegistry:
    return OciRegistry(
        keychain=DockerConfigKeychain.of_folder(docker_config),
        insecure=job.insecure_registries,
        ca_bundle=job.network.ca_bundle,
        timeout_seconds=_SECONDS,
    )
