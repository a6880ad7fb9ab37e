"""The Registry port over the distribution protocol: found, not found, or cannot be known."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from boatyard.build import Image
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_registry.client import TIMEOUT_SECONDS, Call, RegistryClient
from boatyard_registry.credentials import Keychain
from boatyard_registry.deadline import Deadline
from boatyard_registry.inside import MOST_OPENED, Inside, common
from boatyard_registry.kept import Kept
from boatyard_registry.media import (
    ACCEPT,
    LARGEST_MANIFEST,
    Descriptor,
    ImageConfig,
    Manifest,
    is_digest_of,
    normal_platform,
    sha256_of,
)
from boatyard_registry.retries import Retries
from boatyard_registry.transport import Answer, Transport

_ABSENT: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"})
"""Codes of a 404 that a registry itself gave. NOT_FOUND is Harbor's word for all of them."""
_MOST_CONFIGS: Final = 4_096
_MOST_ENTRIES: Final = 256
"""Of an index. Docker's official images have about 20: platforms, and an attestation of each."""
_CODE: Final = re.compile(r"[A-Za-z_]{1,64}\Z")
_MOST_CODES: Final = 5
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")


class _ErrorEntry(msgspec.Struct, frozen=True):
    code: str = ""


class _ErrorBody(msgspec.Struct, frozen=True):
    errors: tuple[_ErrorEntry, ...] = ()


class Contents(msgspec.Struct, frozen=True):
    digest: str
    layers: tuple[str, ...]
    """Digests of all platforms' layers, each once."""
    key: str | None = None
    """The key among the labels, if all platforms have the same."""


class Facts(msgspec.Struct, frozen=True):
    """What is remembered of an image's configuration, which may have megabytes of labels."""

    platform: str
    key: str | None
    build_tag: str | None


class OciRegistry:
    """Implements `boatyard.ports.Registry`. Thread-safe.

    `insecure` are hosts (with port) that are spoken to in plain http, `ca_bundle` a PEM file trusted beside
    the machine's own CAs. `timeout_seconds` is for a whole look-up, however many requests it needs.
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
        self._configs: Kept[str, Facts] = Kept(_MOST_CONFIGS)
        self._indexes: Kept[str, Inside] = Kept(_MOST_CONFIGS)

    def close(self) -> None:
        self.client.close()

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port. One request for an image that was seen before, two for one that was not."""
        wanted = tuple(dict.fromkeys(normal_platform(platform) for platform in platforms))
        deadline = self.client.deadline()
        read = self._manifest(reference, deadline)
        if read is None:
            return None
        manifest, digest = read
        if manifest.manifests is not None:
            return self._of_index(reference, digest, manifest.manifests, wanted, deadline)
        return self._of_image(reference, digest, manifest, wanted, deadline)

    def replaceable(self, reference: Reference) -> bool:
        """Always: the protocol cannot ask. Registries with immutable tags refuse the push."""
        return True

    def digest(self, reference: Reference) -> str | None:
        """What the reference resolves to; None if it surely is not there. Raises like `find`."""
        deadline = self.client.deadline()
        answer = self.client.send(
            Call(
                method="HEAD",
                repository=reference.repository,
                path=f"manifests/{reference.digest or reference.tag}",
                headers={"accept": ACCEPT},
            ),
            deadline,
        )
        digest = answer.headers.get("docker-content-digest", "")
        if answer.status == 200 and _DIGEST.match(digest):
            return digest
        # A HEAD has no body that could tell a registry's 404 from a proxy's.
        read = self._manifest(reference, deadline)
        return read[1] if read else None

    def contents(self, reference: Reference) -> Contents | None:
        """What the reference leads to; None if it surely is not there. Raises like `find`."""
        deadline = self.client.deadline()
        read = self._manifest(reference, deadline)
        if read is None:
            return None
        manifest, digest = read
        layers: list[Descriptor] = [*(manifest.layers or ())]
        images = [entry for entry in manifest.manifests or () if not entry.is_attestation]
        if len(images) > MOST_OPENED:
            raise _garbage(reference, f"sent an index of {len(images)} images; at most {MOST_OPENED} are opened")
        configs = [manifest.config]
        for entry in images:
            if inner := self._manifest(_entry_of(reference, entry), deadline):
                layers += inner[0].layers or ()
                configs.append(inner[0].config)
        facts = [self._facts(reference, config, deadline) for config in configs if config]
        key = common(each.key if each else None for each in facts)
        return Contents(digest, tuple(dict.fromkeys(layer.digest for layer in layers)), key)

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
        return Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=platforms,
            key=inside.key,
            build_tag=inside.build_tag,
            size=inside.size,
            attestations=tuple(
                entry.digest for entry in entries if entry.is_attestation and _DIGEST.match(entry.digest)
            ),
        )

    def _look_into(self, reference: Reference, index: str, images: Sequence[Descriptor], deadline: Deadline) -> Inside:
        """Labels and size of a multi-platform image. All of its images are read, once: a node may run any of them.

        Nobody's image has more platforms than are opened; of one that has, nothing is known.
        """
        if known := self._indexes.get(index):
            return known
        if len(images) > MOST_OPENED:
            return Inside()
        found: list[Facts] = []
        size = 0
        for entry in images:
            read = self._manifest(_entry_of(reference, entry), deadline)
            facts = self._facts(reference, read[0].config, deadline) if read and read[0].config else None
            if read is None or facts is None:
                return Inside()  # a part of it is not there, and may come
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
        facts = self._facts(reference, manifest.config, deadline)
        if facts is None or not set(wanted) <= {facts.platform}:
            return None
        return Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=(facts.platform,) if facts.platform else (),
            key=facts.key,
            build_tag=facts.build_tag,
            size=sum(layer.size for layer in manifest.layers or ()),
        )

    def _manifest(self, reference: Reference, deadline: Deadline) -> tuple[Manifest, str] | None:
        wanted = reference.digest or reference.tag
        body = self._get(reference, f"manifests/{wanted}", ACCEPT, deadline)
        if body is None:
            return None
        digest = sha256_of(body[0])
        for claimed in (reference.digest, body[1]):
            if claimed and not is_digest_of(claimed, body[0]):
                raise _garbage(reference, f"sent a manifest that is {digest}, not {claimed}")
        return parsed_manifest(reference, body[0]), digest

    def _facts(self, reference: Reference, descriptor: Descriptor, deadline: Deadline) -> "Facts | None":
        if found := self._configs.get(descriptor.digest):
            return found
        if not _DIGEST.match(descriptor.digest):
            raise _garbage(reference, "sent a manifest whose config has no sha256")
        body = self._get(reference, f"blobs/{descriptor.digest}", "*/*", deadline)
        if body is None:
            return None
        if sha256_of(body[0]) != descriptor.digest:
            raise _garbage(reference, f"sent a config that is not {descriptor.digest}")
        try:
            config = decode_json(body[0], ImageConfig)
        except Undecodable:
            config = ImageConfig()  # an artifact of another kind, such as a chart or a cache: no platform
        facts = Facts(config.platform, config.key, config.build_tag)
        self._configs.put(descriptor.digest, facts)
        return facts

    def _get(self, reference: Reference, path: str, accept: str, deadline: Deadline) -> tuple[bytes, str | None] | None:
        answer = self.client.send(
            Call(
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
        if answer.status == 404 and _ABSENT & error_codes(answer):
            return None
        raise _refusal(reference, answer)


def error_codes(answer: Answer) -> set[str]:
    """The `errors[].code` of a registry's answer; empty for anything that is not a registry's."""
    try:
        return {entry.code for entry in decode_json(answer.body, _ErrorBody).errors}
    except Undecodable:
        return set()


def _refusal(reference: Reference, answer: Answer) -> BoatyardError:
    """REGISTRY_DENIED for 401 and 403, else REGISTRY_UNAVAILABLE: an answer that settles nothing.

    Some registries answer 403 for a repository that does not exist. Nobody outside can tell that from a
    missing permission, so it is never taken for "not found".
    """
    host = reference.repository.host
    if answer.status in (401, 403):
        return BoatyardError(
            Code.REGISTRY_DENIED, f"the registry {host} refuses access to {reference.repository.path} ({answer.status})"
        )
    codes = ", ".join(sorted(code for code in error_codes(answer) if _CODE.match(code))[:_MOST_CODES])
    return BoatyardError(
        Code.REGISTRY_UNAVAILABLE,
        f"the registry {host} answered {answer.status} {codes or 'without a reason'} for {reference}",
    )


def parsed_manifest(reference: Reference, body: bytes) -> Manifest:
    try:
        manifest = decode_json(body, Manifest)
    except Undecodable:
        raise _garbage(reference, "sent something that is no manifest") from None
    if (manifest.manifests is None) == (manifest.config is None):
        raise _garbage(reference, "sent a manifest that is neither an index nor an image")
    if (entries := len(manifest.manifests or ())) > _MOST_ENTRIES:
        raise _garbage(reference, f"sent an index of {entries:,} entries; at most {_MOST_ENTRIES} are read")
    return manifest


def _entry_of(reference: Reference, entry: Descriptor) -> Reference:
    """What a registry writes into an index becomes a path and a name: nothing but a digest is let in."""
    if not _DIGEST.match(entry.digest):
        raise _garbage(reference, "sent an index whose entry has no sha256")
    return reference.at(entry.digest)


def _garbage(reference: Reference, what: str) -> BoatyardError:
    return BoatyardError(Code.REGISTRY_UNAVAILABLE, f"the registry {reference.repository.host} {what}, for {reference}")
