"""A base image was pushed: pin its new digest, and see to it that what was built on it is built anew.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html. The event's digest is not
trusted: events come late and out of order, so the registry is asked what the tag is now.
"""

from typing import Any

from boatyard.errors import invalid
from boatyard.ports import Registry
from boatyard.reference import Reference
from boatyard_aws.bases import Orders, Pins
from boatyard_aws.events.dependents import Dependents, Page
from boatyard_aws.events.outcome import Outcome


class BasePushed:
    def __init__(self, registry: Registry, orders: Orders, pins: Pins, dependents: Dependents) -> None:
        self._registry = registry
        self._orders = orders
        self._pins = pins
        self._dependents = dependents

    def __call__(self, event: dict[str, Any]) -> Outcome:
        detail = event["detail"]
        if (detail.get("action-type"), detail.get("result")) != ("PUSH", "SUCCESS") or not detail.get("image-tag"):
            return Outcome(event="ecr", ignored="it is not the successful push of a tag")
        base = _reference(event)
        if next(self._orders.on(base, page=1), None) is None:
            return Outcome(event=f"ecr {base}", ignored="nothing was built on it")
        image = self._registry.find(base, ())
        if image is None:
            return Outcome(event=f"ecr {base}", ignored="the tag has been deleted since")
        # Pinned before anything is asked for: whoever rebuilds has to find the pin.
        self._pins.pin(base, image.digest)
        return self._dependents.begin(Page(base=str(base), digest=image.digest))


def _reference(event: dict[str, Any]) -> Reference:
    account, region = event.get("account"), event.get("region")
    name, tag = event["detail"].get("repository-name"), event["detail"].get("image-tag")
    if not all(isinstance(part, str) and part for part in (account, region, name, tag)):
        raise invalid("the event has no account, region, repository-name or image-tag")
    suffix = ".cn" if str(region).startswith("cn-") else ""
    return Reference.parse(f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}/{name}:{tag}")
