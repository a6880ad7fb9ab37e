"""Base images from a mirror: the Dockerfile stays as it is, its names lead elsewhere."""

from collections.abc import Iterable, Mapping

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository


def named_contexts(images: Iterable[str], mirrors: Mapping[str, str]) -> dict[str, str]:
    """BuildKit's named contexts that replace each image of a mirrored host by the mirror's copy."""
    contexts: dict[str, str] = {}
    for image in images:
        try:
            reference = Reference.parse(image)
        except BoatyardError:
            continue  # no name of an image: BuildKit will say
        if reference.repository.host in mirrors:
            contexts[reference.familiar] = f"docker-image://{_copy(reference, mirrors)}"
    return contexts


def replacements(images: Mapping[str, str], mirrors: Mapping[str, str]) -> dict[str, str]:
    """Named contexts for what the deployment's rules put in the place of images after FROM, from its mirrors too."""
    return {
        Reference.parse(image).familiar: f"docker-image://{_copy(Reference.parse(other), mirrors)}"
        for image, other in images.items()
    }


def _copy(reference: Reference, mirrors: Mapping[str, str]) -> Reference:
    """The same image where a mirror has it; itself without one."""
    mirror = mirrors.get(reference.repository.host)
    if not mirror:
        return reference
    repository = Repository.parse(f"{mirror.rstrip('/')}/{reference.repository.path}")
    return Reference(repository, reference.tag, reference.digest)
