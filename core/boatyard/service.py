"""The use cases, one method each, independent of any transport."""

import copy
import logging
from collections.abc import Callable, Iterator

import msgspec

from boatyard import docker_config
from boatyard.backoff import growing
from boatyard.build import Build, Image, State, is_build_tag
from boatyard.context import Context, check_archive, check_size
from boatyard.errors import BoatyardError, Code
from boatyard.held import Held, held, may_have_changed
from boatyard.job import KEY_LABEL, BuildJob
from boatyard.order import Order, optional_secrets
from boatyard.plan import Plan, make_plan
from boatyard.planned_job import make_job
from boatyard.policy import allow, allow_repository, check_scope, narrow, visible
from boatyard.ports import (
    BuildPage,
    BuildQuery,
    Clock,
    ContextStore,
    DeploymentKey,
    Ensured,
    JobRunner,
    KnownSecret,
    LogPage,
    Registry,
    Scope,
    SecretStore,
    SecretValue,
    Upload,
)
from boatyard.realm import realm_of
from boatyard.reference import Reference
from boatyard.settings import BaseImageRule, Settings

_log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 30.0
_FIRST_PAUSE = 0.1
"""Fraction of the longest pause, since changes often come soon after the request."""


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an ensure: an existing image, or a build."""

    plan: Plan
    image: Image | None = None
    build: Build | None = None
    joined: bool = False
    is_started: bool = True
    """`boatyard.ports.Ensured.is_started`; True with an image."""
    held: Held | None = None
    """Set if an earlier failure is the answer, without another attempt."""


class FoundImage(msgspec.Struct, frozen=True, kw_only=True):
    image: Image
    build: Build | None = None


class Service:
    """The use cases over the ports. Methods raise BoatyardError for every foreseen error."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry,
        runner: JobRunner,
        contexts: ContextStore,
        secrets: SecretStore,
        deployment_key: DeploymentKey,
        clock: Clock,
        poll_seconds: float = 0.25,
        base_rules: Callable[[], tuple[BaseImageRule, ...]] | None = None,
        refuse: Callable[[Order, Plan], None] | None = None,
        on_starting: Callable[[Order, Plan], None] | None = None,
    ) -> None:
        """`poll_seconds`: the longest pause between two looks of a waiting request; a cloud's API costs money.

        `base_rules` returns the rules for base images at the time of a request, instead of the settings' own.
        `refuse` is called before a build starts, and raises BoatyardError for an order that the runner cannot build.
        `on_starting` is called when the inputs of a build have been checked and before it starts, so that no process
        dies between the two.
        """
        self.settings = settings
        self._registry = registry
        self._runner = runner
        self._contexts = contexts
        self._secrets = secrets
        self._deployment_key = deployment_key
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._base_rules = base_rules
        self._refuse = refuse
        self._on_starting = on_starting

    def on_behalf_of(self, caller: str) -> "Service":
        """The same service with the policy of one caller. Raises UNAUTHENTICATED or FORBIDDEN."""
        access = narrow(self.settings.access, caller)
        if access is self.settings.access:
            return self
        narrowed = copy.copy(self)
        narrowed.settings = msgspec.structs.replace(self.settings, access=access)
        return narrowed

    def plan(self, order: Order) -> Plan:
        realm = realm_of(order.scope, self.settings.isolation, self._deployment_key.read())
        return make_plan(self._with_secrets(order), self._settings_now(), realm)

    def ensure(self, order: Order) -> OrderAnswer:
        """Returns the image if the registry has it; else joins or starts its build.

        It asks the registry before it needs the context, so a cached answer needs no upload. With `force` it also asks,
        to avoid a whole build whose push would be refused. It checks secrets and the context only when a build starts:
        a join needs neither.
        """
        if not self.settings.enabled:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, "the image builder is switched off (enabled: false)")
        plan = self.plan(order)
        image = self._look(order, plan)
        if image and all(self._leads_to(tag, image) for tag in plan.tags):
            return OrderAnswer(plan=plan, image=image)
        for tag in plan.tags:
            self._check_tag(tag, image)
        job = self._job(order, plan)
        ensured = self._runner.ensure(job, plan.build_tag, force=order.force)
        if _is_held(ensured) and may_have_changed(ensured.build, uses_secrets=bool(_secret_names(order, plan))):
            ensured = self._runner.ensure(job, plan.build_tag, force=True)
        hold = self.settings.limits.failure_hold_seconds
        old = held(ensured.build, now=self._clock.now(), hold_seconds=hold) if _is_held(ensured) else None
        return OrderAnswer(
            plan=plan, build=ensured.build, joined=ensured.joined, is_started=ensured.is_started, held=old
        )

    def build(self, build_id: str, *, wait_seconds: float = 0) -> Build:
        """The build's current state, after waiting at most `wait_seconds` for its end."""
        pauses = self._pauses(wait_seconds)
        while True:
            build = self._runner.status(build_id)
            if build is None or not self._allowed(build):
                # An answer other than for an unknown build would reveal that it exists.
                raise BoatyardError(Code.NOT_FOUND, f"no build {build_id!r} is known")
            if build.state.ended or not next(pauses):
                return build

    def logs(self, build_id: str, cursor: str, *, wait_seconds: float = 0) -> LogPage:
        """The next lines, after waiting at most `wait_seconds` for the first."""
        self.build(build_id)
        pauses = self._pauses(wait_seconds)
        while True:
            page = self._runner.logs(build_id, cursor)
            if page is None:
                raise BoatyardError(Code.NOT_FOUND, f"build {build_id!r} has no log")
            if page.lines or page.done or not next(pauses):
                return page

    def cancel(self, build_id: str) -> Build:
        self.build(build_id)
        build = self._runner.cancel(build_id)
        if build is None:
            raise BoatyardError(Code.NOT_FOUND, f"no build {build_id!r} is known")
        return build

    def builds(self, query: BuildQuery) -> BuildPage:
        """A page of the builds that the caller may see."""
        return self._runner.list(msgspec.structs.replace(query, visible=visible(self.settings.access)))

    def find_image(self, reference: Reference) -> FoundImage:
        allow_repository(self.settings.access, reference)
        image = self._registry.find(reference, ())
        if image is None:
            raise BoatyardError(Code.NOT_FOUND, f"the registry has no image {reference}")
        # The pusher chooses the label, and it may name another project's build.
        tag = image.build_tag or ""
        build = self._runner.latest(tag) if is_build_tag(tag) else None
        visible = build is not None and build.state is State.SUCCEEDED and self._allowed(build)
        return FoundImage(image=image, build=build if visible else None)

    def upload(self, context: Context) -> Upload | None:
        """Where to upload the archive, or None if it exists already."""
        check_archive(context)
        check_size(context, self.settings.limits.context_bytes)
        if self._contexts.has(context.sha256):
            return None
        return self._contexts.upload(context.sha256, context.size)

    def put_secret(self, scope: Scope, name: str, secret: SecretValue) -> None:
        check_scope(scope)
        allow(self.settings.access, scope)
        if secret.kind == "image_pull":
            docker_config.check(secret.value, field="value")
        self._secrets.put(scope, name, secret)

    def secrets(self, scope: Scope) -> tuple[KnownSecret, ...]:
        """Names and kinds of secrets, without values."""
        check_scope(scope)
        allow(self.settings.access, scope)
        return self._secrets.list(scope)

    def delete_secret(self, scope: Scope, name: str) -> None:
        """Deletes a secret. Raises NOT_FOUND. Running builds have their values already."""
        check_scope(scope)
        allow(self.settings.access, scope)
        if not self._secrets.delete(scope, name):
            raise BoatyardError(Code.NOT_FOUND, f"{scope.project}/{scope.domain} has no secret {name!r}")

    def _look(self, order: Order, plan: Plan) -> Image | None:
        """The image, unless it has to be built. Raises TAG_IMMUTABLE, or like `Registry.find`.

        If only the order's registry secret can read the registry, the job asks it: the service cannot read the secret's
        value.
        """
        try:
            if order.force:
                self._check_replaceable(plan.target)
                return None
            return self._ours(plan, self._registry.find(plan.target, plan.platforms))
        except BoatyardError as error:
            if error.code == Code.REGISTRY_DENIED and order.registry_secret:
                return None
            raise

    def _ours(self, plan: Plan, image: Image | None) -> Image | None:
        """The image, if it was built for this key. Anyone with push access can put another one under the tag.

        Raises TAG_IMMUTABLE if that one cannot be replaced.
        """
        if image is None or image.key == plan.keys.image:
            return image
        said = (
            f"{image.reference} is under the tag {plan.target.tag}, but its label {KEY_LABEL} is not this image's key"
        )
        if not self._registry.replaceable(plan.target):
            raise BoatyardError(Code.TAG_IMMUTABLE, f"{said}, and the repository does not allow replacing it")
        _log.warning("%s: building it again", said)
        return None

    def _leads_to(self, tag: Reference, image: Image) -> bool:
        """Whether the tag points to the image. False if that is unknown: the job, with more rights, sets it again."""
        try:
            found = self._registry.find(tag, ())
        except BoatyardError:
            return False
        return found is not None and found.digest == image.digest

    def _check_tag(self, tag: Reference, image: Image | None) -> None:
        """Raises TAG_IMMUTABLE before the build, if that can be known."""
        try:
            replaceable = self._registry.replaceable(tag) or (image is not None and self._leads_to(tag, image))
        except BoatyardError:
            return
        if not replaceable:
            raise BoatyardError(Code.TAG_IMMUTABLE, f"{tag} exists, and its repository does not allow replacing it")

    def _job(self, order: Order, plan: Plan) -> Callable[[int], BuildJob]:
        def start(attempt: int) -> BuildJob:
            if self._refuse is not None:
                self._refuse(order, plan)
            self._check_inputs(order, plan)
            if self._on_starting is not None:
                self._on_starting(order, plan)
            url = refusal = ""
            if order.context:
                url = self._contexts.download_url(order.context.sha256)
                refusal = self._contexts.refusal_url(order.context.sha256)
            return make_job(order, plan, self.settings, attempt=attempt, context_url=url, refusal_url=refusal)

        return start

    def _with_secrets(self, order: Order) -> Order:
        """The order with the names of a Dockerfile's optional secrets that do not exist."""
        check_scope(order.scope)
        allow(self.settings.access, order.scope)
        names = optional_secrets(order.spec, self.settings)
        if not names:
            return order
        return msgspec.structs.replace(order, absent_secrets=self._secrets.missing(order.scope, names))

    def _settings_now(self) -> Settings:
        if self._base_rules is None:
            return self.settings
        return msgspec.structs.replace(self.settings, base_images=self._base_rules())

    def _check_replaceable(self, target: Reference) -> None:
        if not self._registry.replaceable(target):
            raise BoatyardError(Code.TAG_IMMUTABLE, f"{target} exists, and its repository does not allow replacing it")

    def _check_inputs(self, order: Order, plan: Plan) -> None:
        if missing := self._secrets.missing(order.scope, _secret_names(order, plan)):
            raise BoatyardError(
                Code.SECRET_NOT_FOUND,
                f"{order.scope.project}/{order.scope.domain} has no secret {', '.join(missing)}",
                missing=missing,
            )
        if order.context and not order.context.sha256:
            raise BoatyardError(
                Code.CONTEXT_MISSING, "the build needs the context's archive, and the request names none"
            )
        if order.context and not self._contexts.has(order.context.sha256):
            raise BoatyardError(Code.CONTEXT_MISSING, f"the context {order.context.sha256} has not been uploaded")

    def _pauses(self, wait_seconds: float) -> Iterator[bool]:
        """Sleeps for a growing time before each True; yields False when the wait is over."""
        deadline = self._clock.monotonic() + min(max(wait_seconds, 0.0), LONGEST_WAIT_SECONDS)
        pauses = growing(self._poll_seconds * _FIRST_PAUSE, self._poll_seconds, factor=1.5)
        while (left := deadline - self._clock.monotonic()) > 0:
            self._clock.sleep(min(next(pauses), left))
            yield True
        while True:
            yield False

    def _allowed(self, build: Build) -> bool:
        return BuildQuery(visible=visible(self.settings.access)).sees(build.project, build.domain)


def _is_held(ensured: Ensured) -> bool:
    return ensured.joined and ensured.build.state.ended


def _secret_names(order: Order, plan: Plan) -> tuple[str, ...]:
    return plan.secrets + ((order.registry_secret,) if order.registry_secret else ())
