"""Checks registries: whether images can be pushed to the target, and whether the base image exists.

The lookup is the server's own (boatyard-registry), with the credentials in the Docker config that the settings name,
else this machine's.
"""

from typing import Final

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, fail, ok, warn
from boatyard.order import ground_of
from boatyard.reference import Reference, Repository
from boatyard.settings import Settings
from boatyard.spec import ImageSpec
from boatyard_client.registries import registry_of
from boatyard_registry.client import RegistryCall

_PROBE: Final = "boatyard-doctor"
_PUSH: Final = "pull,push"


def push(settings: Settings) -> Finding:
    """Starts an upload like a push, and cancels it, so that nothing is left."""
    if not settings.default_repository:
        return warn(
            "registry",
            "no defaultRepository is configured",
            "`boatyard serve` sets one up; else set it, or give each image a registry.",
        )
    repository = Repository.parse(settings.default_repository, field="defaultRepository").child(_PROBE)
    registry = registry_of(settings)
    try:
        answer = registry.client.send(
            RegistryCall(method="POST", repository=repository, path="blobs/uploads/", actions=_PUSH)
        )
        if answer.status != 202:
            return _refused(repository, answer.status)
        if location := answer.headers.get("location", ""):
            address = _absolute(location, repository, insecure=registry.client.is_insecure(repository.host))
            registry.client.send(RegistryCall(method="DELETE", repository=repository, path=address, actions=_PUSH))
    except BoatyardError as error:
        return fail("registry", f"{settings.default_repository}: {error.detail}", error.meaning.advice)
    finally:
        registry.close()
    return ok("registry", f"{settings.default_repository} takes pushes")


def base_image(settings: Settings, image: str) -> Finding:
    """Whether the base image, after the settings' rules, exists for this deployment's platforms."""
    base = ground_of(ImageSpec(base_image=image, python_version="3.12"), settings).base_image
    reference = Reference.parse(base)
    shown = image if base == image else f"{image} ({base.partition('@')[0]})"
    mirror = settings.registry_mirrors.get(reference.repository.host)
    if mirror:
        mirrored = Repository.parse(f"{mirror.rstrip('/')}/{reference.repository.path}")
        reference = Reference(mirrored, reference.tag, reference.digest)
    registry = registry_of(settings)
    try:
        found = registry.find(reference, settings.default_platforms)
    except BoatyardError as error:
        return fail(
            "base image",
            f"{shown}: {error.detail}",
            "Check the network, set registryMirrors, or replace it with a baseImages rule.",
        )
    finally:
        registry.close()
    if found is None:
        return fail(
            "base image", f"{shown} is not there for {', '.join(settings.default_platforms)}", "Check its name and tag."
        )
    return ok("base image", f"{shown} is {found.digest[:19]}…")


def _absolute(location: str, repository: Repository, *, insecure: bool) -> str:
    return location if "://" in location else f"{'http' if insecure else 'https'}://{repository.host}{location}"


def _refused(repository: Repository, status: int) -> Finding:
    if status in (401, 403):
        return fail("registry", f"{repository.host} refuses the push ({status})", "Sign in: `docker login`.")
    return fail("registry", f"{repository.host} answers {status} to a push", "Check defaultRepository in the settings.")
