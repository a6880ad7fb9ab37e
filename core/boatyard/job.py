"""The contract between a function and a job: the job's input, its progress and its result."""

from typing import Any, Final, Literal

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
    """A secret that the job fetches by `name` and passes to BuildKit as `id`."""

    id: str
    name: str


class JobContext(_Document, frozen=True, kw_only=True):
    context: Context
    url: str = ""
    """URL of the archive: https, or file for the embedded runner."""
    refusal_url: str = ""
    """Takes a DELETE for an archive with another digest than announced; empty if the store refuses such archives."""


class JobRealm(_Document, frozen=True, kw_only=True):
    """The values that isolate this build's project on a shared builder (`boatyard.realm.Realm`)."""

    steps: str = ""
    """An extra host name of every RUN step, which is part of BuildKit's cache key."""
    files: str = ""
    """Identifies the files that are sent to BuildKit, and determines their times."""


Maker = Literal["config", "files", "wheels", "run"]
"""What makes a layer: a change of the image's configuration, an archive of files, wheels of an index, or BuildKit."""


class JobStep(_Document, frozen=True, kw_only=True):
    """A layer of the spec as its maker needs it."""

    maker: Maker
    """The cheapest that may do. A job that finds that it does not uses `run`, which does for every layer."""
    prefix: str
    """Its key in `Keys.prefixes`."""
    document: dict[str, Any] = {}
    """The layer in the spec's JSON form (`LayerDocument`), for makers that do not use the Dockerfile."""
    owner: str = ""
    """Owner of the files that it copies, such as `flyte:flyte`; empty for root."""


class JobSteps(_Document, frozen=True, kw_only=True):
    """How an image is made layer by layer: the opening, the layers in the order of the spec, the closing.

    The Dockerfile has the same instructions: `opening_lines` lines, those of the layers, and the closing.
    """

    opening: str
    """The opening's key in `Keys.prefixes`."""
    opening_lines: int
    python: str = ""
    """The version of the environment that the opening makes where the base has none: `3.11`."""
    layers: tuple[JobStep, ...] = ()
    user: str = ""
    """The user whom the closing names; empty for none."""


class BuildJob(_Document, frozen=True, kw_only=True):
    """The complete description of one build. It contains names of secrets, never their values."""

    schema: str = SCHEMA
    id: str
    key: str
    attempt: int
    project: str
    domain: str
    target: str
    """The reference to push."""
    tags: tuple[str, ...] = ()
    """Further references for the image."""
    platforms: tuple[str, ...]
    runs_on: tuple[str, ...] | None = None
    """Platforms whose commands the dataplane can run; None from an older function, which refused all others."""
    force: bool = False
    """Build from scratch, without an existing image and without the builder's cache."""
    dockerfile: str
    build_args: dict[str, str] = {}
    labels: dict[str, str] = {}
    base_images: tuple[str, ...] = ()
    """References that the Dockerfile names after FROM, if the plan knows them."""
    base_trusted: bool = False
    """Whether they are of the deployment's `trustedBases`."""
    dockerfile_encoding: str = "utf-8"
    inserted_lines: tuple[int, ...] = ()
    """Lines that were added to the user's Dockerfile, counted from 1."""
    target_stage: str = ""
    contexts: dict[str, str] = {}
    """BuildKit's named contexts for a user's Dockerfile: name -> reference of the replacing image."""
    proven_images: tuple[str, ...] = ()
    """Images by digest that the job's own credentials must be able to pull before BuildKit uses them."""
    layers: tuple[JobLayer, ...] = ()
    steps: JobSteps | None = None
    """None: BuildKit makes the whole image from the Dockerfile."""
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

    def runs(self, platform: str) -> bool:
        """Whether the dataplane can run commands of the platform, as far as the job knows."""
        return self.runs_on is None or platform in self.runs_on

    @property
    def build_tag(self) -> str:
        return self.id.removesuffix(f"-{self.attempt}")


class JobProgress(_Document, frozen=True, kw_only=True):
    """Written repeatedly while the job runs."""

    phases: tuple[PhaseTime, ...] = ()
    step: Step | None = None
    waiting: str = ""
    """What the job waits for before BuildKit can start; empty while it works."""


class JobResult(_Document, frozen=True, kw_only=True):
    """Written once, at the end. On Kubernetes it is the termination message, so it stays below 4096 bytes there."""

    state: State
    phases: tuple[PhaseTime, ...] = ()
    digest: str | None = None
    error: Failure | None = None
    layer_digests: tuple[str, ...] = ()


KEY_LABEL: Final = "io.boatyard.key"
BUILD_LABEL: Final = "io.boatyard.build"


def labels_for(key: str, build_tag: str) -> dict[str, str]:
    """Labels that identify the key and the build of an image; equal for every attempt."""
    return {KEY_LABEL: key, BUILD_LABEL: build_tag}
