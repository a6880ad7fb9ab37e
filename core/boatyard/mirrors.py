"""Mirrors hold the same images, byte for byte, in another registry. BuildKit takes them without another Dockerfile."""

from collections.abc import Iterable, Mapping

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository, canonical_host, context_name


def mirrored(reference: Reference, mirrors: Mapping[str, str]) -> Reference:
    """The reference of the image at its mirror; unchanged without a mirror.

    `mirrors` is `registryMirrors` of the settings: registry host -> host/prefix of its mirror.
    """
    for host, mirror in mirrors.items():
        if mirror and canonical_host(host) == reference.repository.host:
            repository = Repository.parse(f"{mirror.rstrip('/')}/{reference.repository.path}", field="registryMirrors")
            return Reference(repository, reference.tag, reference.digest)
    return reference


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
