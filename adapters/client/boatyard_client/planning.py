"""Plans an order here, without a server: the core is pure."""

from typing import Final

import msgspec

from boatyard.api.messages import OrderRequest
from boatyard.plan import Order, Plan, make_plan
from boatyard.ports import Scope
from boatyard.realm import UNKNOWN
from boatyard.settings import Settings
from boatyard.spec import check_spec

PLACEHOLDER: Final = "localhost/boatyard"
"""The repository of a plan when nothing names one. No key depends on it, and nothing is ever pushed there."""


def plan_here(ask: OrderRequest, settings: Settings) -> tuple[Plan, bool]:
    """The plan, and whether its target is a placeholder. Raises as `boatyard.plan.make_plan`."""
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
    return make_plan(order, settings, UNKNOWN), placeholder
