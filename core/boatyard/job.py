"""What a job is told and what it tells: the contract between a function and the dataplane."""

from typing import Final

import msgspec

from boatyard.build import Failure, PhaseTime, State, Step
from boatyard.context import Context
from boatyard.settings import Network, Output, Uv

SCHEMA = "boatyard/job/1"


class _Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Unknown fields are ignored: a newer function may speak to an older job."""


class JobLayer(_Document, frozen=True, kw_only=True):
    """A layer as the job needs it to explain a failure. Lines count from 1."""

    index: int
    kind: str
    sdk_call: str
    key: str
    first_line: int
    last_line: int


class JobSecret(_Document, frozen=True, kw_only=True):
    """A secret that the job fetches by `name` and hands to BuildKit as `id`."""

    id: str
    name: str


class JobContext(_Document, frozen=True, kw_only=True):
    context: Context
    url: str = ""
    """Where the archive is fetched from: https, or file for the embedded runner."""


class JobRealm(_Document, frozen=True, kw_only=True):
    """What keeps this build's project apart on a builder that others use too (`boatyard.realm.Realm`)."""

    steps: str = ""
    """A host name that every RUN step knows: BuildKit's cache key of a step has it."""
    files: str = ""
    """Names what is sent to BuildKit, and decides the times of the files."""


class BuildJob(_Document, frozen=True, kw_only=True):
    """One build, complete. It holds names of secrets, never their values."""

    schema: str = SCHEMA
    id: str
    key: str
    attempt: int
    project: str
    domain: str
    target: str
    """The reference to push."""
    tags: tuple[str, ...] = ()
    """Further references that lead to the image in the end."""
    platforms: tuple[str, ...]
    force: bool = False
    """An image that is there already is not the answer, nor is the builder's cache."""
    dockerfile: str
    build_args: dict[str, str] = {}
    labels: dict[str, str] = {}
    base_images: tuple[str, ...] = ()
    """References that the Dockerfile names after FROM, as far as the plan knows."""
    dockerfile_encoding: str = "utf-8"
    inserted_lines: tuple[int, ...] = ()
    """Lines of `dockerfile` that its user did not write, counted from 1."""
    target_stage: str = ""
    contexts: dict[str, str] = {}
    """BuildKit's named contexts for a user's Dockerfile: name -> reference of the image in its place."""
    proven_images: tuple[str, ...] = ()
    """Images by digest that the job's own credentials have to open before BuildKit is asked for them."""
    layers: tuple[JobLayer, ...] = ()
    context: JobContext | None = None
    secrets: tuple[JobSecret, ...] = ()
    registry_secrets: tuple[str, ...] = ()
    """Names of image_pull secrets (Docker config JSON) for pull and push."""
    realm: JobRealm = JobRealm()
    output: Output = Output()
    network: Network = Network()
    uv: Uv = Uv()
    cache_repository: str = ""
    cache_mode: str = "max"
    registry_mirrors: dict[str, str] = {}
    insecure_registries: tuple[str, ...] = ()
    timeout_seconds: int = 3600
    log_tail_lines: int = 40
    disk_bytes: int = 0
    unpacked_bytes: int = 8 * 1024**3
    context_entries: int = 200_000

    @property
    def build_tag(self) -> str:
        return self.id.removesuffix(f"-{self.attempt}")


class JobProgress(_Document, frozen=True, kw_only=True):
    """Written again and again while the job runs."""

    phases: tuple[PhaseTime, ...] = ()
    step: Step | None = None
    waiting: str = ""
    """What the job waits for before BuildKit can begin; empty while it works."""


class JobResult(_Document, frozen=True, kw_only=True):
    """Written once, last: on Kubernetes as the termination message, so it stays under 4096 bytes there."""

    state: State
    phases: tuple[PhaseTime, ...] = ()
    digest: str | None = None
    error: Failure | None = None
    layer_digests: tuple[str, ...] = ()


KEY_LABEL: Final = "io.boatyard.key"
BUILD_LABEL: Final = "io.boatyard.build"


def labels_for(key: str, build_tag: str) -> dict[str, str]:
    """Image labels that say where an image came from; equal for every attempt."""
    return {KEY_LABEL: key, BUILD_LABEL: build_tag}
