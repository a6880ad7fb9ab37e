"""Asks the service for a plan, or makes it on this machine if no service answers."""

from pathlib import Path
from typing import TYPE_CHECKING

from boatyard.api.messages import OrderRequest, PlanAnswer
from boatyard_client.cli.output import note
from boatyard_client.endpoint import Endpoint

if TYPE_CHECKING:
    from boatyard_client.planning import PlannedHere


def planned(
    order: OrderRequest, endpoint: Endpoint | None, settings: Path | None
) -> "tuple[PlanAnswer, str, PlannedHere | None]":
    """The plan, its origin, and notes on a plan that was made locally."""
    if endpoint is not None:
        from boatyard_client.client import Client
        from boatyard_client.errors import ConnectionFailedError
        from boatyard_client.retry import Patience

        try:
            with Client(endpoint, patience=Patience(seconds=3)) as client:
                return client.plan(order), endpoint.url, None
        except ConnectionFailedError as error:
            if endpoint.explicit or not error.absent:
                raise
            note(f"{endpoint.url} ({endpoint.origin}) does not answer; planned here")
    from boatyard_client.planning import plan_here
    from boatyard_client.settings_file import find_settings

    found, files = find_settings(settings)
    here = plan_here(order, found)
    return PlanAnswer.of(here.plan), ", ".join(map(str, files)) or "defaults", here
