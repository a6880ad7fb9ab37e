"""Plans an order locally, without a server: the core has no side effects."""

from typing import Final

import msgspec

from boatyard.api.messages import OrderRequest
from boatyard.job import BuildJob
from boatyard.order import Order
from boatyard.plan import Plan, make_plan
from boatyard.planned_job import make_job
from boatyard.ports import Scope
from boatyard.realm import UNKNOWN
from boatyard.settings import Settings
from boatyard.spec import check_spec

PLACEHOLDER: Final = "localhost/boatyard"
"""The repository of a plan without a configured one. No key depends on it, and nothing is pushed there."""


class PlannedHere(msgspec.Struct, frozen=True, kw_only=True):
    plan: Plan
    placeholder_target: bool
    services_key: bool
    """Whether a service with these settings gives the image the same key. With `isolation` project, it does not: keys
    then contain a value that only the service can compute (docs/security.md)."""


def plan_here(ask: OrderRequest, settings: Settings) -> PlannedHere:
    """Raises as `boatyard.plan.make_plan`."""
    placeholder = not (ask.target.registry or settings.default_repository)
    return PlannedHere(
        plan=make_plan(_order(ask), _with_repository(ask, settings), UNKNOWN),
        placeholder_target=placeholder,
        services_key=settings.isolation == "deployment",
    )


def job_here(ask: OrderRequest, settings: Settings) -> BuildJob:
    """The job that makes the image layer by layer, for makers on this machine. Raises as `plan_here`."""
    settings = msgspec.structs.replace(_with_repository(ask, settings), layers="registry")
    order = _order(ask)
    return make_job(order, make_plan(order, settings, UNKNOWN), settings, attempt=1, context_url="")


def _with_repository(ask: OrderRequest, settings: Settings) -> Settings:
    if ask.target.registry or settings.default_repository:
        return settings
    return msgspec.structs.replace(settings, default_repository=PLACEHOLDER)


def _order(ask: OrderRequest) -> Order:
    return Order(
        spec=check_spec(ask.spec),
        scope=Scope(ask.project, ask.domain),
        target=ask.target,
        context=ask.context,
        tags=ask.tags,
        registry_secret=ask.registry_secret,
        force=ask.force,
    )
