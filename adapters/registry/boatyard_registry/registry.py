"""Implements the Registry port with the distribution protocol: an image is found, not found, or unknown."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from boatyard.build import Image
from boatyard.reference import Reference
from boatyard_registry.client import TIMEOUT_SECONDS, RegistryCall, RegistryClient
from boatyard_registry.credentials import Keychain
from boatyard_registry.deadline import Deadline
from boatyard_registry.documents import ConfigFacts, Documents, entry_of, is_digest
from boatyard_registry.inside import MOST_OPENED, Inside, common
from boatyard_registry.kept import Kept
from boatyard_registry.media import ACCEPT, Descriptor, Manifest, normal_platform
from boatyard_registry.refusals import garbage
from boatyard_registry.retries import Retries
from boatyard_registry.transport import Transport

_MOST_INDEXES: Final = 4_096


class ImageContents(msgspec.Struct, frozen=True):
    digest: str
    layers: tuple[str, ...]
    """Digests of all platforms' layers, without duplicates."""
    key: str | None = None
    """The key in the labels, if all platforms have the same."""


class OciRegistry:
    """Implements `boatyard.ports.Registry`. Thread-safe.

    `insecure` lists hosts (with port) that use plain HTTP; `ca_bundle` is a PEM file that is trusted in addition to the
    system's CAs. `timeout_seconds` limits a whole lookup, however many requests it needs.
    """

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        ca_bundle: str = "",
        retries: Retries | None = None,
        transport: Transport | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.client = RegistryClient(
            keychain=keychain,
            insecure=insecure,
            ca_bundle=ca_bundle,
            retries=retries,
            transport=transport,
            timeout_seconds=timeout_seconds,
        )
        self._documents = Documents(self.client)
        self._indexes: Kept[str, Inside] = Kept(_MOST_INDEXES)

    def close(self) -> None:
        self.client.close()

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port. It needs one request for a known image, two for an unknown one."""
        wanted = tuple(dict.fromkeys(normal_platform(platform) for platform in platforms))
        deadline = self.client.deadline()
        read = self._documents.manifest(reference, deadline)
        if read is None:
            return None
        manifest, digest = read
        if manifest.manifests is not None:
            return self._of_index(reference, digest, manifest.manifests, wanted, deadline)
        return self._of_image(reference, digest, manifest, wanted, deadline)

    def replaceable(self, reference: Reference) -> bool:
        """Always True: the protocol has no such request. Registries with immutable tags refuse the push."""
        return True

    def digest(self, reference: Reference) -> str | None:
        """The digest of the reference; None if it certainly does not exist. Raises like `find`."""
        deadline = self.client.deadline()
        answer = self.client.send(
            RegistryCall(
                method="HEAD",
                repository=reference.repository,
                path=f"manifests/{reference.digest or reference.tag}",
                headers={"accept": ACCEPT},
            ),
            deadline,
        )
        digest = answer.headers.get("docker-content-digest", "")
        if answer.status == 200 and is_digest(digest):
            return digest
        # A HEAD has no body to distinguish a registry's 404 from a proxy's.
        read = self._documents.manifest(reference, deadline)
        return read[1] if read else None

    def contents(self, reference: Reference) -> ImageContents | None:
        """The contents of the reference; None if it certainly does not exist. Raises like `find`."""
        deadline = self.client.deadline()
        read = self._documents.manifest(reference, deadline)
        if read is None:
            return None
        manifest, digest = read
        layers: list[Descriptor] = [*(manifest.layers or ())]
        images = [entry for entry in manifest.manifests or () if not entry.is_attestation]
        if len(images) > MOST_OPENED:
            raise garbage(reference, f"sent an index of {len(images)} images; at most {MOST_OPENED} are opened")
        configs = [manifest.config]
        for entry in images:
            if inner := self._documents.manifest(entry_of(reference, entry), deadline):
                layers += inner[0].layers or ()
                configs.append(inner[0].config)
        facts = [self._documents.facts(reference, config, deadline) for config in configs if config]
        key = common(each.key if each else None for each in facts)
        return ImageContents(digest, tuple(dict.fromkeys(layer.digest for layer in layers)), key)

    def _of_index(
        self,
        reference: Reference,
        digest: str,
        entries: tuple[Descriptor, ...],
        wanted: tuple[str, ...],
        deadline: Deadline,
    ) -> Image | None:
        images = [entry for entry in entries if not entry.is_attestation]
        platforms = tuple(dict.fromkeys(str(entry.platform) for entry in images if entry.platform))
        if not set(wanted) <= set(platforms):
            return None
        inside = self._look_into(reference, digest, images, deadline)
        attestations = tuple(entry.digest for entry in entries if entry.is_attestation and is_digest(entry.digest))
        return msgspec.structs.replace(inside, platforms=platforms, attestations=attestations).image(reference, digest)

    def _look_into(self, reference: Reference, index: str, images: Sequence[Descriptor], deadline: Deadline) -> Inside:
        """The labels and the size of a multi-platform image. Reads each of its images once, because a node may run any
        of them.

        An index with more images than the limit is left unread: real images have fewer platforms.
        """
        if known := self._indexes.get(index):
            return known
        if len(images) > MOST_OPENED:
            return Inside()
        found: list[ConfigFacts] = []
        size = 0
        for entry in images:
            read = self._documents.manifest(entry_of(reference, entry), deadline)
            facts = self._documents.facts(reference, read[0].config, deadline) if read and read[0].config else None
            if read is None or facts is None:
                return Inside()  # an image of the index is missing; it may still be pushed
            size += sum(layer.size for layer in read[0].layers or ())
            found.append(facts)
        inside = Inside(
            key=common(each.key for each in found), build_tag=common(each.build_tag for each in found), size=size
        )
        self._indexes.put(index, inside)
        return inside

    def _of_image(
        self, reference: Reference, digest: str, manifest: Manifest, wanted: tuple[str, ...], deadline: Deadline
    ) -> Image | None:
        assert manifest.config is not None  # noqa: S101 - parsed_manifest lets no other manifest through
        facts = self._documents.facts(reference, manifest.config, deadline)
        if facts is None or not set(wanted) <= {facts.platform}:
            return None
        inside = Inside(
            platforms=(facts.platform,) if facts.platform else (),
            key=facts.key,
            build_tag=facts.build_tag,
            size=sum(layer.size for layer in manifest.layers or ()),
        )
        return inside.image(reference, digest)
