"""Media types and documents of the OCI image spec v1.1 and of Docker's schema 2."""

import hashlib
from typing import Final

import msgspec

from boatyard.job import BUILD_LABEL, KEY_LABEL

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT: Final = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
"""Always all four: a registry answers 404 for a manifest of a type that is not accepted."""

LARGEST_MANIFEST: Final = 4 * 1024**2
_ATTESTATION: Final = "attestation-manifest"
_LONGEST_TEXT: Final = 256
_REFERENCE_TYPE: Final = "vnd.docker.reference.type"


class Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        """`linux/amd64`, `linux/arm/v7`: normalised as in containerd, so that equal platforms compare equal."""
        return normal_platform("/".join(part for part in (self.os, self.architecture, self.variant) if part))


class Descriptor(msgspec.Struct, frozen=True, rename={"media_type": "mediaType"}):
    digest: str
    size: int
    media_type: str = ""
    platform: Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def is_attestation(self) -> bool:
        """BuildKit stores provenance and SBOMs beside the images, under the platform unknown/unknown."""
        if (self.annotations or {}).get(_REFERENCE_TYPE) == _ATTESTATION:
            return True
        return self.platform is not None and self.platform.os == "unknown"


class Manifest(msgspec.Struct, frozen=True, rename={"media_type": "mediaType"}):
    """An index has `manifests`, an image has `config` and `layers`; no document may have both."""

    media_type: str = ""
    manifests: tuple[Descriptor, ...] | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None


class _Labels(msgspec.Struct, frozen=True):
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class ImageConfig(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""
    config: _Labels | None = None

    @property
    def platform(self) -> str:
        return _short(str(Platform(self.os, self.architecture, self.variant))) or ""

    @property
    def key(self) -> str | None:
        return self._label(KEY_LABEL)

    @property
    def build_tag(self) -> str | None:
        return self._label(BUILD_LABEL)

    def _label(self, name: str) -> str | None:
        labels = self.config.labels if self.config else None
        return _short((labels or {}).get(name))


def _short(text: str | None) -> str | None:
    """Drops longer text, so that it is not cached: platforms and Boatyard's labels are shorter."""
    return text if text is not None and len(text) <= _LONGEST_TEXT else None


def sha256_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def is_digest_of(digest: str, body: bytes) -> bool:
    """Returns False only if the digest is certainly of other bytes; its algorithm may be unknown here."""
    algorithm, _, value = digest.partition(":")
    if algorithm not in ("sha256", "sha384", "sha512"):
        return True
    return hashlib.new(algorithm, body).hexdigest() == value


def normal_platform(text: str) -> str:
    """arm64 defaults to v8, amd64 to v1, and arm to v7."""
    parts = text.split("/")
    match parts:
        case [_, "arm64", "v8" | "8"] | [_, "amd64", "v1"]:
            parts.pop()
        case [_, "arm"]:
            parts.append("v7")
    return "/".join(parts)
