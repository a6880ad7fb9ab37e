"""Plans an order locally, without a server: the core has no side effects."""

from typing import Final

import msgspec

from boatyard.api.messages import OrderRequest
from boatyard.order import Order
from boatyard.plan import Plan, make_plan
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
    if placeholder:
        settings = msgspec.structs.replace(settings, default_repository=PLACEHOLDER)
    order = Order(
        spec=check_spec(ask.spec),
        scope=Scope(ask.project, ask.domain),
        target=ask.target,
        context=ask.context,
        tags=ask.tags,
        registry_secret=ask.registry_secret,
        force=ask.force,
    )
    return PlannedHere(
        plan=make_plan(order, settings, UNKNOWN),
        placeholder_target=placeholder,
        services_key=settings.isolation == "deployment",
    )
