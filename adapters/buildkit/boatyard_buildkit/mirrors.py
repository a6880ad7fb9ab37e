"""Pulls base images from a mirror without changing the Dockerfile."""

from collections.abc import Iterable, Mapping

from boatyard.errors import BoatyardError
from boatyard.mirrors import mirrored
from boatyard.reference import Reference, context_name


def named_contexts(images: Iterable[str], mirrors: Mapping[str, str]) -> dict[str, str]:
    """BuildKit's named contexts that replace each image of a mirrored host with the mirror's copy."""
    contexts: dict[str, str] = {}
    for image in images:
        try:
            reference = Reference.parse(image)
        except BoatyardError:
            continue  # not an image's name: BuildKit reports the error
        copy = mirrored(reference, mirrors)
        if copy != reference:
            contexts[context_name(image)] = f"docker-image://{copy}"
    return contexts
