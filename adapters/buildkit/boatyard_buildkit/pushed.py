"""Looks after a build whether the registry has what BuildKit says it pushed."""

from pathlib import Path

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.reference import Reference
from boatyard_registry import DockerConfigKeychain, OciRegistry


def check_pushed(job: BuildJob, digest: str, docker_config: Path) -> tuple[str, ...]:
    """The digests of the image's layers. Raises REGISTRY_UNAVAILABLE if the tag leads to another image."""
    target = Reference.parse(job.target)
    registry = OciRegistry(
        keychain=DockerConfigKeychain.of_folder(docker_config),
        insecure=job.insecure_registries,
        ca_bundle=job.network.ca_bundle,
    )
    found = registry.contents(target)
    if found is None:
        raise BoatyardError(
            "REGISTRY_UNAVAILABLE",
            f"BuildKit says that it pushed {digest}, but {target} is not there; a Docker engine needs the "
            "containerd image store for that",
        )
    if found.digest != digest:
        raise BoatyardError(
            "REGISTRY_UNAVAILABLE", f"wrong digest: after the push of {digest}, {target} leads to {found.digest}"
        )
    return found.layers
