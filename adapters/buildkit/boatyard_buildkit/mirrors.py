"""Base images from a mirror: the Dockerfile stays as it is, its names lead elsewhere."""

from collections.abc import Iterable, Mapping

from boatyard.errors import BoatyardError
from boatyard.mirrors import mirrored
from boatyard.reference import Reference, context_name


def named_contexts(images: Iterable[str], mirrors: Mapping[str, str]) -> dict[str, str]:
    """BuildKit's named contexts that replace each image of a mirrored host by the mirror's copy."""
    contexts: dict[str, str] = {}
    for image in images:
        try:
            reference = Reference.parse(image)
        except BoatyardError:
            continue  # no name of an image: BuildKit will say
        copy = mirrored(reference, mirrors)
        if copy != reference:
            contexts[context_name(image)] = f"docker-image://{copy}"
    return contexts
