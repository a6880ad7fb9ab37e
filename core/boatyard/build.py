"""Builds: attempts to make an image, and their states."""

import re
from typing import Final, NamedTuple

import msgspec

from boatyard.backports import StrEnum

_TAG: Final = re.compile(r"[0-9a-f]{32}\Z")
BUILD_ID: Final = r"[0-9a-f]{32}-[1-9][0-9]{0,5}"
"""A regular expression, for names that have a build's id in them."""
_BUILD_ID: Final = re.compile(rf"{BUILD_ID}\Z")


class BuildId(NamedTuple):
    """The id of a build. Its text, `<tag>-<attempt>`, is part of paths, object keys and names in a cluster."""

    tag: str
    """32 hex digits."""
    attempt: int
    """Counts from 1."""

    def __str__(self) -> str:
        return f"{self.tag}-{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> "BuildId | None":
        """Parses an id; None for any other text."""
        if not _BUILD_ID.match(text):
            return None
        tag, _, attempt = text.partition("-")
        return cls(tag, int(attempt))


def is_build_tag(text: str) -> bool:
    return _TAG.match(text) is not None


class State(StrEnum):
    PENDING = "PENDING"
    """Requested, and not yet accepted by a runner."""
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """The user has to change something."""
    ERRORED = "ERRORED"
    """The deployment failed; a retry may help."""
    TIMED_OUT = "TIMED_OUT"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self not in (State.PENDING, State.QUEUED, State.RUNNING)


class Phase(StrEnum):
    FETCH_CONTEXT = "FETCH_CONTEXT"
    IMPORT_CACHE = "IMPORT_CACHE"
    BUILD = "BUILD"
    PUSH = "PUSH"
    EXPORT_CACHE = "EXPORT_CACHE"
    ATTEST = "ATTEST"


class _Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Serialized as JSON in job records and API answers."""


class PhaseTime(_Record, frozen=True, kw_only=True):
    phase: Phase
    seconds: float | None = None
    """None while the phase lasts."""


class Step(_Record, frozen=True, kw_only=True):
    """The running step of the Dockerfile: `number` of `total`, counted from 1."""

    number: int
    total: int
    title: str
    """What runs, shortened to one line; a call of the SDK if it belongs to a layer."""


class Failure(_Record, frozen=True, kw_only=True):
    """Why a build did not succeed. `advice` says what to do next."""

    code: str
    message: str
    advice: str
    retryable: bool = False
    layer_index: int | None = None
    layer_kind: str | None = None
    sdk_call: str | None = None
    log_tail: tuple[str, ...] = ()


class Image(_Record, frozen=True, kw_only=True):
    """An image that a registry has."""

    reference: str
    """`host/path@sha256:…`"""
    digest: str
    platforms: tuple[str, ...] = ()
    key: str | None = None
    """Its label `io.boatyard.key`; for several platforms, only if all have the same. Its pusher chose it."""
    build_tag: str | None = None
    """The builds of the image have the ids `<build_tag>-<attempt>`."""
    size: int | None = None
    """Bytes of the compressed layers, summed over the platforms, if the registry reports them."""
    attestations: tuple[str, ...] = ()
    """Digests of attestation manifests (provenance, SBOM)."""


class Build(_Record, frozen=True, kw_only=True):
    """Times are seconds since 1970, UTC."""

    id: str
    key: str
    attempt: int
    target: str
    project: str
    domain: str
    platforms: tuple[str, ...]
    state: State
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    phase: Phase | None = None
    phases: tuple[PhaseTime, ...] = ()
    step: Step | None = None
    image: str | None = None
    """`repo@sha256:…` once it succeeded."""
    error: Failure | None = None

    @property
    def build_tag(self) -> str:
        """The tag of the build, which is the same for equal requests."""
        return self.id.removesuffix(f"-{self.attempt}")
