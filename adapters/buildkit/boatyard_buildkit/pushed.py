"""Looks after a build at what the registry has: what BuildKit says it pushed, or what somebody else pushed before."""

from pathlib import Path
from typing import Final

from boatyard import lifecycle
from boatyard.build import Failure, Image
from boatyard.errors import BoatyardError, Code
from boatyard.job import KEY_LABEL, BuildJob
from boatyard.reference import Reference
from boatyard_registry import DockerConfigKeychain, OciRegistry
from boatyard_registry.registry import Contents

_SECONDS: Final = 60.0
"""For a look-up: nobody waits at a screen, and a build that took minutes must not fail for a slow answer."""


def check_pushed(job: BuildJob, digest: str, docker_config: Path) -> tuple[str, ...]:
    """The digests of the image's layers. Raises REGISTRY_UNAVAILABLE if the tag leads to another image, or to one
    without the key's label on every platform, which the service would not take for an answer."""
    target = Reference.parse(job.target)
    found = _registry(job, docker_config).contents(target)
    if found is None:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE,
            f"BuildKit says that it pushed {digest}, but {target} is not there; a Docker engine needs the "
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


def refused_tag(job: BuildJob, failure: Failure, docker_config: Path) -> Contents | Failure:
    """What is under the tag, if it is what the job was to make; else why the push was refused."""
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


def there_already(job: BuildJob, docker_config: Path) -> Contents | None:
    """The image, if the registry has it: the service could not look where only the build's own secret may.

    None where that cannot be known either: the build then says why.
    """
    target = Reference.parse(job.target)
    registry = _registry(job, docker_config)
    try:
        image = registry.find(target, job.platforms)
        return registry.contents(target.at(image.digest)) if image and _is_ours(job, image) else None
    except BoatyardError:
        return None


def give_tags(job: BuildJob, digest: str, docker_config: Path) -> None:
    """The job's further tags lead to its image. Raises as `boatyard_registry.copying.copy`."""
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
