"""What happens at the registry after a build: pushing a layout, and looking whether the tag is right."""

from pathlib import Path

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.reference import Reference
from boatyard_buildkit.log import Log
from boatyard_registry import DockerConfigKeychain, OciRegistry, push_layout


def push(job: BuildJob, layout: Path, docker_config: Path, log: Log) -> str:
    """Pushes the layout to the target and returns its digest. Raises PUSH_DENIED or REGISTRY_UNAVAILABLE."""
    return push_layout(
        _registry(job, docker_config),
        layout,
        Reference.parse(job.target),
        pushed=lambda blob, existed: log.write(
            f"- {blob.digest[7:19]} {blob.size:,} bytes {'was there' if existed else 'pushed'}"
        ),
    )


def check_pushed(job: BuildJob, digest: str, docker_config: Path) -> tuple[str, ...]:
    """The digests of the image's layers. Raises REGISTRY_UNAVAILABLE if the tag leads to another image."""
    target = Reference.parse(job.target)
    found = _registry(job, docker_config).contents(target)
    if found is None or found.digest != digest:
        what = found.digest if found else "nothing"
        raise BoatyardError(
            "REGISTRY_UNAVAILABLE", f"wrong digest: after the push of {digest}, {target} leads to {what}"
        )
    return found.layers


def _registry(job: BuildJob, docker_config: Path) -> OciRegistry:
    return OciRegistry(
        keychain=DockerConfigKeychain.of_folder(docker_config),
        insecure=job.insecure_registries,
        ca_bundle=job.network.ca_bundle,
    )
