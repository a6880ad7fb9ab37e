"""Builds: one attempt at a key, and how it goes."""

import re
from typing import Final, NamedTuple

import msgspec

from boatyard.backports import StrEnum

_TAG: Final = re.compile(r"[0-9a-f]{32}\Z")
BUILD_ID: Final = r"[0-9a-f]{32}-[1-9][0-9]{0,5}"
"""A regular expression, for names that have a build's id in them."""
_BUILD_ID: Final = re.compile(rf"{BUILD_ID}\Z")


class BuildId(NamedTuple):
    """Its text, `<tag>-<attempt>`, is part of paths, object keys and names in a cluster: nothing else is parsed."""

    tag: str
    """32 hex digits."""
    attempt: int
    """Counts from 1."""

    def __str__(self) -> str:
        return f"{self.tag}-{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> "BuildId | None":
        """None for what was never a build's id."""
        if not _BUILD_ID.match(text):
            return None
        tag, _, attempt = text.partition("-")
        return cls(tag, int(attempt))


def is_build_tag(text: str) -> bool:
    return _TAG.match(text) is not None


class State(StrEnum):
    PENDING = "PENDING"
    """Asked for, and not yet seen by a runner."""
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """The user's to mend."""
    ERRORED = "ERRORED"
    """Ours; a repeat may help."""
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
    """Written as JSON to job records and API answers alike."""


class PhaseTime(_Record, frozen=True, kw_only=True):
    phase: Phase
    seconds: float | None = None
    """None while it lasts."""


class Step(_Record, frozen=True, kw_only=True):
    """The Dockerfile step that runs now: `number` of `total`, counted from 1."""

    number: int
    total: int
    title: str
    """What runs, shortened to one line, in the SDK's words where a layer made it."""


class Failure(_Record, frozen=True, kw_only=True):
    """Why a build did not succeed. `advice` says who does what next."""

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
    """Its label `io.boatyard.key`; for several platforms, if all of them have the same. Whoever pushed it wrote it."""
    build_tag: str | None = None
    """The builds that made it are `<build_tag>-<attempt>`."""
    size: int | None = None
    """Bytes of the compressed layers, summed over the platforms, where the registry says."""
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
        """Of what is built: equal requests have the same."""
        return self.id.removesuffix(f"-{self.attempt}")
