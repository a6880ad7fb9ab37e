"""Checks that a build may pull the base images that it names by digest.

BuildKit gives a cached image to every build that knows its digest, without asking the registry. On a shared builder, a
project could so use a private base that only another project's secret can pull.
"""

from collections.abc import Collection
from pathlib import Path

from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.mirrors import mirrored
from boatyard.reference import Reference
from boatyard_registry import DockerConfigKeychain, OciRegistry


def prove_images(job: BuildJob, images: Collection[str], docker_config: Path) -> None:
    """Requests each image's manifest from its registry, with the job's own credentials.

    Raises BASE_IMAGE_DENIED, BASE_IMAGE_NOT_FOUND, or REGISTRY_UNAVAILABLE if the registry gives no clear answer.
    """
    registry = OciRegistry(
        keychain=DockerConfigKeychain.of_folder(docker_config),
        insecure=job.insecure_registries,
        ca_bundle=job.network.ca_bundle,
    )
    try:
        for image in images:
            _prove(registry, mirrored(Reference.parse(image), job.registry_mirrors))
    finally:
        registry.close()


def _prove(registry: OciRegistry, image: Reference) -> None:
    try:
        found = registry.digest(image)
    except BoatyardError as error:
        if error.code != Code.REGISTRY_DENIED:
            raise
        raise BoatyardError(
            Code.BASE_IMAGE_DENIED, f"{image} may not be pulled with this build's credentials"
        ) from None
    if found is None:
        raise BoatyardError(Code.BASE_IMAGE_NOT_FOUND, f"there is no {image}")
