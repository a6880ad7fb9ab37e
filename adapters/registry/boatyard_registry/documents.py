"""Reads a registry's manifests and configurations, and verifies their digests."""

import re
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.reference import Reference
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.deadline import Deadline
from boatyard_registry.kept import Kept
from boatyard_registry.media import (
    ACCEPT,
    LARGEST_MANIFEST,
    Descriptor,
    ImageConfig,
    Manifest,
    is_digest_of,
    sha256_of,
)
from boatyard_registry.refusals import garbage, is_absent, refusal

_MOST_CONFIGS: Final = 4_096
_MOST_ENTRIES: Final = 256
"""The largest index. Docker's official images have about 20 entries: platforms, each with an attestation."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")


class ConfigFacts(msgspec.Struct, frozen=True):
    """The cached part of an image's configuration, which may contain megabytes of labels."""

    platform: str
    key: str | None
    build_tag: str | None


class Documents:
    """Thread-safe. Caches configurations by digest. All methods raise like `RegistryClient.send`."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._facts: Kept[str, ConfigFacts] = Kept(_MOST_CONFIGS)

    def manifest(self, reference: Reference, deadline: Deadline) -> tuple[Manifest, str] | None:
        wanted = reference.digest or reference.tag
        body = self._get(reference, f"manifests/{wanted}", ACCEPT, deadline)
        if body is None:
            return None
        digest = sha256_of(body[0])
        for claimed in (reference.digest, body[1]):
            if claimed and not is_digest_of(claimed, body[0]):
                raise garbage(reference, f"sent a manifest that is {digest}, not {claimed}")
        return parsed_manifest(reference, body[0]), digest

    def facts(self, reference: Reference, descriptor: Descriptor, deadline: Deadline) -> ConfigFacts | None:
        if found := self._facts.get(descriptor.digest):
            return found
        if not is_digest(descriptor.digest):
            raise garbage(reference, "sent a manifest whose config has no sha256")
        body = self._get(reference, f"blobs/{descriptor.digest}", "*/*", deadline)
        if body is None:
            return None
        if sha256_of(body[0]) != descriptor.digest:
            raise garbage(reference, f"sent a config that is not {descriptor.digest}")
        try:
            config = decode_json(body[0], ImageConfig)
        except Undecodable:
            config = ImageConfig()  # an artifact of another kind, such as a chart or a cache: no platform
        facts = ConfigFacts(config.platform, config.key, config.build_tag)
        self._facts.put(descriptor.digest, facts)
        return facts

    def _get(self, reference: Reference, path: str, accept: str, deadline: Deadline) -> tuple[bytes, str | None] | None:
        answer = self._client.send(
            RegistryCall(
                method="GET",
                repository=reference.repository,
                path=path,
                headers={"accept": accept},
                limit=LARGEST_MANIFEST,
            ),
            deadline,
        )
        if answer.status == 200:
            return answer.body, answer.headers.get("docker-content-digest")
        if is_absent(answer):
            return None
        raise refusal(reference, answer)


def is_digest(text: str) -> bool:
    return bool(_DIGEST.match(text))


def parsed_manifest(reference: Reference, body: bytes) -> Manifest:
    try:
        manifest = decode_json(body, Manifest)
    except Undecodable:
        raise garbage(reference, "sent something that is no manifest") from None
    if (manifest.manifests is None) == (manifest.config is None):
        raise garbage(reference, "sent a manifest that is neither an index nor an image")
    if (entries := len(manifest.manifests or ())) > _MOST_ENTRIES:
        raise garbage(reference, f"sent an index of {entries:,} entries; at most {_MOST_ENTRIES} are read")
    return manifest


def entry_of(reference: Reference, entry: Descriptor) -> Reference:
    """A reference to an index's entry. Its digest becomes part of a path, so anything but a digest is refused."""
    if not is_digest(entry.digest):
        raise garbage(reference, "sent an index whose entry has no sha256")
    return reference.at(entry.digest)
