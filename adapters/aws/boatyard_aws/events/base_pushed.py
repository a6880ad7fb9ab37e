"""A base image was pushed: pin its new digest, and build anew what was built on it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html. The event's digest is not
trusted: events come late and out of order, so the registry is asked what the tag is now.
"""

from collections.abc import Callable
from typing import Any

from boatyard.api.handlers import order_of
from boatyard.api.messages import BuildAnswer
from boatyard.errors import BoatyardError, invalid
from boatyard.ports import Registry
from boatyard.reference import Reference
from boatyard.service import Service
from boatyard_aws.bases import Orders, Pins
from boatyard_aws.events.outcome import Outcome, words


class BasePushed:
    def __init__(self, service: Callable[[], Service], registry: Registry, orders: Orders, pins: Pins) -> None:
        self._service = service
        self._registry = registry
        self._orders = orders
        self._pins = pins

    def __call__(self, event: dict[str, Any]) -> Outcome:
        detail = event["detail"]
        if (detail.get("action-type"), detail.get("result")) != ("PUSH", "SUCCESS") or not detail.get("image-tag"):
            return Outcome(event="ecr", ignored="it is not the successful push of a tag")
        base = _reference(event)
        orders = list(self._orders.on(base))
        if not orders:
            return Outcome(event=f"ecr {base}", ignored="nothing was built on it")
        image = self._registry.find(base, ())
        if image is None:
            return Outcome(event=f"ecr {base}", ignored="the tag has been deleted since")
        self._pins.pin(base, image.digest)
        builds: list[str] = []
        images: list[str] = []
        problems: list[str] = []
        again: BoatyardError | None = None
        for built in orders:
            try:
                told = BuildAnswer.of(self._service().ensure(order_of(built.order)))
            except BoatyardError as error:
                if error.meaning.retryable:
                    again = error  # after the others: they are asked again too, and answer at once
                else:
                    problems.append(words(error))
                continue
            builds += [told.id] if told.id else []
            images += [told.image] if told.image else []
        if again is not None:
            raise again
        return Outcome(event=f"ecr {base}", builds=tuple(builds), images=tuple(images), problems=tuple(problems))


def _reference(event: dict[str, Any]) -> Reference:
    account, region = event.get("account"), event.get("region")
    name, tag = event["detail"].get("repository-name"), event["detail"].get("image-tag")
    if not all(isinstance(part, str) and part for part in (account, region, name, tag)):
        raise invalid("the event has no account, region, repository-name or image-tag")
    suffix = ".cn" if str(region).startswith("cn-") else ""
    return Reference.parse(f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}/{name}:{tag}")
