"""The Registry port over the distribution protocol: found, not found, or cannot be known."""

import threading
from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from boatyard.build import Image
from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry.client import Call, RegistryClient, Retries
from boatyard_registry.credentials import Keychain
from boatyard_registry.media import (
    ACCEPT,
    LARGEST_MANIFEST,
    Descriptor,
    ImageConfig,
    Manifest,
    normal_platform,
    sha256_of,
)
from boatyard_registry.transport import Answer, Transport

_ABSENT: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"})
"""Codes of a 404 that a registry itself gave. NOT_FOUND is Harbor's word for all of them."""
_MOST_CONFIGS: Final = 10_000


class _ErrorEntry(msgspec.Struct, frozen=True):
    code: str = ""


class _ErrorBody(msgspec.Struct, frozen=True):
    errors: tuple[_ErrorEntry, ...] = ()


class Contents(msgspec.Struct, frozen=True):
    digest: str
    layers: tuple[str, ...]
    """Digests of all platforms' layers, each once."""


class OciRegistry:
    """Implements `boatyard.ports.Registry`. Thread-safe.

    `insecure` are hosts (with port) that are spoken to in plain http, `ca_bundle` a PEM file trusted beside
    the machine's own CAs.
    """

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        ca_bundle: str = "",
        retries: Retries | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.client = RegistryClient(
            keychain=keychain, insecure=insecure, ca_bundle=ca_bundle, retries=retries, transport=transport
        )
        self._configs: dict[str, ImageConfig] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        self.client.close()

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port. One request for an image that was seen before, two for one that was not."""
        wanted = tuple(dict.fromkeys(normal_platform(platform) for platform in platforms))
        read = self._manifest(reference)
        if read is None:
            return None
        manifest, digest = read
        if manifest.manifests is not None:
            return self._of_index(reference, digest, manifest.manifests, wanted)
        return self._of_image(reference, digest, manifest, wanted)

    def replaceable(self, reference: Reference) -> bool:
        """Always: the protocol cannot ask. Registries with immutable tags refuse the push."""
        return True

    def digest(self, reference: Reference) -> str | None:
        """What the reference resolves to; None if it surely is not there. Raises like `find`."""
        answer = self.client.send(
            Call(
                method="HEAD",
                repository=reference.repository,
                path=f"manifests/{reference.digest or reference.tag}",
                headers={"accept": ACCEPT},
            )
        )
        if answer.status == 200 and (digest := answer.headers.get("docker-content-digest")):
            return digest
        # A HEAD has no body that could tell a registry's 404 from a proxy's.
        read = self._manifest(reference)
        return read[1] if read else None

    def contents(self, reference: Reference) -> Contents | None:
        """What the reference leads to; None if it surely is not there. Raises like `find`."""
        read = self._manifest(reference)
        if read is None:
            return None
        manifest, digest = read
        layers: list[Descriptor] = [*(manifest.layers or ())]
        for entry in manifest.manifests or ():
            if not entry.is_attestation and (inner := self._manifest(reference.at(entry.digest))):
                layers += inner[0].layers or ()
        return Contents(digest, tuple(dict.fromkeys(layer.digest for layer in layers)))

    def _of_index(
        self, reference: Reference, digest: str, entries: tuple[Descriptor, ...], wanted: tuple[str, ...]
    ) -> Image | None:
        images = [entry for entry in entries if not entry.is_attestation]
        platforms = tuple(dict.fromkeys(str(entry.platform) for entry in images if entry.platform))
        if not set(wanted) <= set(platforms):
            return None
        config, size = None, None
        if not wanted:
            config, size = self._look_into(reference, images)
        return Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=platforms,
            key=config.key if config else None,
            build_tag=config.build_tag if config else None,
            size=size,
            attestations=tuple(entry.digest for entry in entries if entry.is_attestation),
        )

    def _look_into(self, reference: Reference, images: list[Descriptor]) -> tuple[ImageConfig | None, int | None]:
        """Labels and size of a multi-platform image: only for those who ask about the image itself."""
        config: ImageConfig | None = None
        size = 0
        for entry in images:
            read = self._manifest(reference.at(entry.digest))
            if read is None or read[0].config is None:
                return config, None
            size += sum(layer.size for layer in read[0].layers or ())
            config = config or self._config(reference, read[0].config)
        return config, size

    def _of_image(self, reference: Reference, digest: str, manifest: Manifest, wanted: tuple[str, ...]) -> Image | None:
        assert manifest.config is not None  # noqa: S101 - _parse lets no other manifest through
        config = self._config(reference, manifest.config)
        if config is None or not set(wanted) <= {config.platform}:
            return None
        return Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=(config.platform,) if config.platform else (),
            key=config.key,
            build_tag=config.build_tag,
            size=sum(layer.size for layer in manifest.layers or ()),
        )

    def _manifest(self, reference: Reference) -> tuple[Manifest, str] | None:
        wanted = reference.digest or reference.tag
        body = self._get(reference, f"manifests/{wanted}", ACCEPT)
        if body is None:
            return None
        digest = sha256_of(body[0])
        for claimed in (reference.digest, body[1]):
            if claimed and claimed.startswith("sha256:") and claimed != digest:
                raise _garbage(reference, f"sent a manifest that is {digest}, not {claimed}")
        return _parse(reference, body[0]), digest

    def _config(self, reference: Reference, descriptor: Descriptor) -> ImageConfig | None:
        with self._lock:
            if found := self._configs.get(descriptor.digest):
                return found
        body = self._get(reference, f"blobs/{descriptor.digest}", "*/*")
        if body is None:
            return None
        if sha256_of(body[0]) != descriptor.digest:
            raise _garbage(reference, f"sent a config that is not {descriptor.digest}")
        try:
            config = msgspec.json.decode(body[0], type=ImageConfig)
        except (msgspec.DecodeError, UnicodeDecodeError):
            config = ImageConfig()  # an artifact of another kind, such as a chart or a cache: no platform
        with self._lock:
            if len(self._configs) >= _MOST_CONFIGS:
                self._configs.clear()
            self._configs[descriptor.digest] = config
        return config

    def _get(self, reference: Reference, path: str, accept: str) -> tuple[bytes, str | None] | None:
        answer = self.client.send(
            Call(
                method="GET",
                repository=reference.repository,
                path=path,
                headers={"accept": accept},
                limit=LARGEST_MANIFEST,
            )
        )
        if answer.status == 200:
            return answer.body, answer.headers.get("docker-content-digest")
        if answer.status == 404 and _ABSENT & error_codes(answer):
            return None
        raise _refusal(reference, answer)


def error_codes(answer: Answer) -> set[str]:
    """The `errors[].code` of a registry's answer; empty for anything that is not a registry's."""
    try:
        return {entry.code for entry in msgspec.json.decode(answer.body, type=_ErrorBody).errors}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return set()


def _refusal(reference: Reference, answer: Answer) -> BoatyardError:
    """REGISTRY_DENIED for 401 and 403, else REGISTRY_UNAVAILABLE: an answer that settles nothing.

    Some registries answer 403 for a repository that does not exist. Nobody outside can tell that from a
    missing permission, so it is never taken for "not found".
    """
    host = reference.repository.host
    if answer.status in (401, 403):
        return BoatyardError(
            "REGISTRY_DENIED", f"the registry {host} refuses access to {reference.repository.path} ({answer.status})"
        )
    codes = ", ".join(sorted(code for code in error_codes(answer) if code.isidentifier()))
    return BoatyardError(
        "REGISTRY_UNAVAILABLE",
        f"the registry {host} answered {answer.status} {codes or 'without a reason'} for {reference}",
    )


def _parse(reference: Reference, body: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _garbage(reference, "sent something that is no manifest") from None
    if (manifest.manifests is None) == (manifest.config is None):
        raise _garbage(reference, "sent a manifest that is neither an index nor an image")
    return manifest


def _garbage(reference: Reference, what: str) -> BoatyardError:
    return BoatyardError("REGISTRY_UNAVAILABLE", f"the registry {reference.repository.host} {what}, for {reference}")
