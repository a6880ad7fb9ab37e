"""Mirrors: the same images, byte for byte, from another registry."""

from collections.abc import Mapping

from boatyard.reference import Reference, Repository, canonical_host


def mirrored(reference: Reference, mirrors: Mapping[str, str]) -> Reference:
    """The same image where a mirror has it; itself without one.

    `mirrors` is `registryMirrors` of the settings: registry host -> host/prefix of its mirror.
    """
    for host, mirror in mirrors.items():
        if mirror and canonical_host(host) == reference.repository.host:
            repository = Repository.parse(f"{mirror.rstrip('/')}/{reference.repository.path}", field="registryMirrors")
            return Reference(repository, reference.tag, reference.digest)
    return reference
