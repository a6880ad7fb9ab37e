"""Requests and answers of the API. docs/api.md is written from these."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from boatyard.build import Build, Failure, Image, State
from boatyard.context import Context
from boatyard.held import Held
from boatyard.plan import Plan, PlannedLayer
from boatyard.service import FoundImage, OrderAnswer
from boatyard.spec import SpecDocument
from boatyard.target import Target

Name = Annotated[str, Meta(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="A DNS label.")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="64 lower-case hex digits.")]


class _Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class _Tell(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class OrderRequest(_Ask, frozen=True, kw_only=True):
    """What to build. `spec` is the proto3 JSON of flyteidl2.imagebuilder.ImageSpec, plus `dockerfile`."""

    spec: SpecDocument
    context: Context | None = None
    target: Target = Target()
    project: Name = "default"
    domain: Name = "development"
    tags: Annotated[tuple[Annotated[str, Meta(max_length=512)], ...], Meta(max_length=16)] = ()
    """Further references for the image, such as `ghcr.io/acme/app:v1`. They are not part of the key; an existing
    image gets them too."""
    registry_secret: Annotated[str, Meta(max_length=128)] = ""
    force: bool = False
    """Build from scratch, without the builder's cache, even if the registry has the image or a failure is held."""


class PlanAnswer(_Tell, frozen=True, kw_only=True):
    key: str
    target: str
    platforms: tuple[str, ...]
    base_image: str
    dockerfile: str
    layers: tuple[PlannedLayer, ...]
    secrets: tuple[str, ...]
    tags: tuple[str, ...] = ()
    images: dict[str, str] = {}
    """An image that a Dockerfile names after FROM and `from=`, and its replacement by the deployment's rules."""

    @classmethod
    def of(cls, plan: Plan) -> "PlanAnswer":
        return cls(
            key=plan.keys.image,
            target=str(plan.target),
            platforms=plan.platforms,
            base_image=plan.base_image,
            dockerfile=plan.dockerfile,
            layers=plan.layers,
            secrets=plan.secrets,
            tags=tuple(map(str, plan.tags)),
            images=plan.pulls.images,
        )


class ContextRequest(_Ask, frozen=True, kw_only=True):
    sha256: Sha256
    size: Annotated[int, Meta(ge=1, le=2**53)]
    """Bytes of the archive."""


class ContextAnswer(_Tell, frozen=True, kw_only=True):
    """If `exists`, there is nothing to upload. Else PUT the bytes to `uploadUrl` with `headers` before `expiresAt`."""

    exists: bool
    upload_url: str | None = None
    headers: dict[str, str] = {}
    expires_at: float | None = None


class BuildAnswer(_Tell, frozen=True, kw_only=True):
    """The answer to an ensure. `cached`: the registry had the image. `joined`: the build was already under way, or has
    failed a short time ago (`held`)."""

    key: str
    target: str
    platforms: tuple[str, ...]
    state: State
    cached: bool = False
    joined: bool = False
    id: str | None = None
    image: str | None = None
    error: Failure | None = None
    held: Held | None = None

    @classmethod
    def of(cls, answer: OrderAnswer) -> "BuildAnswer":
        plan, build = answer.plan, answer.build
        return cls(
            key=plan.keys.image,
            target=str(plan.target),
            platforms=plan.platforms,
            state=build.state if build else State.SUCCEEDED,
            cached=answer.image is not None,
            joined=answer.joined,
            id=build.id if build else None,
            image=answer.image.reference if answer.image else build.image if build else None,
            error=build.error if build else None,
            held=answer.held,
        )


class BuildsAnswer(_Tell, frozen=True, kw_only=True):
    builds: tuple[Build, ...]
    next_page_token: str


class LogsAnswer(_Tell, frozen=True, kw_only=True):
    lines: tuple[str, ...]
    cursor: str
    done: bool


class ImageAnswer(_Tell, frozen=True, kw_only=True):
    reference: str
    digest: str
    platforms: tuple[str, ...]
    key: str | None = None
    build_id: str | None = None
    attestations: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: FoundImage) -> "ImageAnswer":
        image: Image = found.image
        return cls(
            reference=image.reference,
            digest=image.digest,
            platforms=image.platforms,
            key=image.key,
            build_id=found.build.id if found.build else None,
            attestations=image.attestations,
        )


class SecretRequest(_Ask, frozen=True, kw_only=True):
    """`image_pull`: `value` is a Docker config JSON. `build`: any text. The API never returns it."""

    kind: Literal["image_pull", "build"]
    value: Annotated[str, Meta(min_length=1, max_length=65_536)]
    project: Name = "default"
    domain: Name = "development"


class KnownSecretAnswer(_Tell, frozen=True, kw_only=True):
    name: str
    kind: str


class SecretsAnswer(_Tell, frozen=True, kw_only=True):
    """Names and kinds, sorted by name, without values."""

    secrets: tuple[KnownSecretAnswer, ...]


class LimitsAnswer(_Tell, frozen=True, kw_only=True):
    context_bytes: int
    request_bytes: int
    layers: int
    build_timeout_seconds: int
    concurrent_builds: int


class CapabilitiesAnswer(_Tell, frozen=True, kw_only=True):
    cloud: str
    runners: tuple[str, ...]
    platforms: tuple[str, ...]
    default_platforms: tuple[str, ...]
    limits: LimitsAnswer
    plan_version: str
    version: str


class HealthAnswer(_Tell, frozen=True, kw_only=True):
    status: Literal["ok"]


class Problem(_Tell, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `code` is stable; `detail` is for people; `advice` says what to do next."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    advice: str
    field: str | None = None
    layer_index: int | None = None
    log_tail: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
