"""Handles a push of a base image: pins its new digest and rebuilds the images that were built on it.

It does not trust the event's own digest: events arrive late and out of order, so it asks the registry for the tag's
current digest.
"""

from boatyard.ports import Registry
from boatyard_serverless.bases import Orders, Pins
from boatyard_serverless.events.dependents import Dependents
from boatyard_serverless.events.model import DependentsPage, ImagePushed
from boatyard_serverless.events.outcome import EventOutcome


class BasePushed:
    def __init__(self, registry: Registry, orders: Orders, pins: Pins, dependents: Dependents) -> None:
        self._registry = registry
        self._orders = orders
        self._pins = pins
        self._dependents = dependents

    def __call__(self, event: ImagePushed) -> EventOutcome:
        base = event.reference
        name = f"pushed {base}"
        if next(self._orders.on(base, page=1), None) is None:
            return EventOutcome(event=name, ignored="nothing was built on it")
        image = self._registry.find(base, ())
        if image is None:
            return EventOutcome(event=name, ignored="the tag has been deleted since")
        # Pin before rebuilding: a rebuild has to see the pin.
        self._pins.pin(base, image.digest)
        return self._dependents.page(DependentsPage(base=str(base), digest=image.digest))
