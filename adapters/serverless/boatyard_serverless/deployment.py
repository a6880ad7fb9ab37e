"""The services, the API and the events of one function instance. Each is created from the cloud's parts on first
use."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import msgspec

from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.ports import Clock, ContextStore, DeploymentKey, JobRunner, Registry, SecretStore
from boatyard.service import Service
from boatyard.settings import BaseImageRule, Settings
from boatyard_serverless.lazy import LazyCodec
from boatyard_serverless.ports import Bucket, DeadLetters, Telemetry, WorkQueue
from boatyard_serverless.telemetry import report_refusal

if TYPE_CHECKING:
    from boatyard.api import Api
    from boatyard.api.connect import ImageServiceCodec
    from boatyard_serverless.bases import Orders, Pins
    from boatyard_serverless.events.dispatch import Builds, Dispatch


class DeploymentParts(Protocol):
    """The parts that a cloud's wiring provides. Each is created when it is first read, and raises BoatyardError if the
    configuration is not usable."""

    @property
    def cloud(self) -> str: ...
    @property
    def runner_names(self) -> tuple[str, ...]:
        """For capabilities: `kubernetes`, the cloud's build service, or `inline` and the build service beside it."""
        ...

    @property
    def poll_seconds(self) -> float:
        """The longest pause between two polls of a waiting request. Calls of a cloud's API cost money."""
        ...

    @property
    def settings(self) -> Settings: ...
    @property
    def pin_bases(self) -> bool:
        """Whether orders are stored by their base, and a base's push rebuilds them."""
        ...

    @property
    def clock(self) -> Clock: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def runner(self) -> JobRunner: ...
    @property
    def builds(self) -> "Builds | None":
        """What carries builds out in the function for events itself; None if a build service or a cluster does."""
        ...

    @property
    def refuse_order(self) -> Callable[[Order, Plan], None] | None:
        """Raises BoatyardError for an order that the runner cannot build."""
        ...

    @property
    def contexts(self) -> ContextStore: ...
    @property
    def secrets(self) -> SecretStore: ...
    @property
    def deployment_key(self) -> DeploymentKey: ...
    @property
    def bucket(self) -> Bucket: ...
    @property
    def queue(self) -> WorkQueue: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def telemetry(self) -> Telemetry: ...


class Deployment:
    def __init__(self, parts: DeploymentParts) -> None:
        self._parts = parts

    @cached_property
    def api(self) -> "Api":
        """The API for callers that the cloud's edge authenticates."""
        from boatyard.api import Api, handlers

        parts = self._parts
        description = handlers.DeploymentFacts(cloud=parts.cloud, runners=parts.runner_names)
        return Api(self.service, description, LazyCodec(_protobuf))

    @cached_property
    def service(self) -> Service:
        return self._service(self._parts.settings)

    @cached_property
    def service_for_events(self) -> Service:
        """The service for events, which have no caller: the policies of the queue and the bucket restrict who may send
        them."""
        settings = self._parts.settings
        access = msgspec.structs.replace(settings.access, callers=())
        return self._service(msgspec.structs.replace(settings, access=access))

    @cached_property
    def dispatch(self) -> "Dispatch":
        from boatyard_serverless.events.base_pushed import BasePushed
        from boatyard_serverless.events.dependents import Dependents
        from boatyard_serverless.events.dispatch import Dispatch
        from boatyard_serverless.events.drift import Drift
        from boatyard_serverless.events.orders import Ordering

        parts = self._parts
        dependents = Dependents(lambda: self.service_for_events, self._orders, self._pins, parts.queue)
        return Dispatch(
            orders=Ordering(lambda: self.service_for_events, parts.bucket),
            pushed=BasePushed(parts.registry, self._orders, self._pins, dependents),
            dependents=dependents,
            drift=Drift(parts.registry, self._orders, self._pins, parts.bucket, parts.clock, parts.telemetry),
            dead_letters=parts.dead_letters,
            telemetry=parts.telemetry,
            builds=parts.builds,
        )

    @cached_property
    def _orders(self) -> "Orders":
        from boatyard_serverless.bases import Orders

        return Orders(self._parts.bucket)

    @cached_property
    def _pins(self) -> "Pins":
        from boatyard_serverless.bases import Pins

        return Pins(self._parts.bucket)

    def _service(self, settings: Settings) -> Service:
        parts = self._parts
        return Service(
            settings,
            registry=parts.registry,
            runner=parts.runner,
            contexts=parts.contexts,
            secrets=parts.secrets,
            deployment_key=parts.deployment_key,
            clock=parts.clock,
            poll_seconds=parts.poll_seconds,
            base_rules=self._base_rules if parts.pin_bases else None,
            refuse=parts.refuse_order,
            on_starting=self._store_order if parts.pin_bases else None,
        )

    def _base_rules(self) -> tuple[BaseImageRule, ...]:
        return self._pins.applied(self._parts.settings.base_images)

    def _store_order(self, order: Order, plan: Plan) -> None:
        """Logs a failure instead of raising it: the build does not depend on the stored order."""
        try:
            self._orders.remember(order, plan)
        except BoatyardError as error:
            report_refusal(self._parts.telemetry, "order not stored under its base", error, key=plan.keys.image)


def _protobuf() -> "ImageServiceCodec":
    from boatyard_connect import ProtobufCodec

    return ProtobufCodec()
