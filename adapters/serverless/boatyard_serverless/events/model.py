"""Types of events. Each cloud's `events` module parses its own events into them."""

from typing import Any, TypeAlias

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.errors import invalid
from boatyard.reference import Reference

_TAG = "boatyardEvent"


class OrderSent(msgspec.Struct, frozen=True):
    """A message that is the body of POST /v1/builds."""

    document: Any


class SpecDropped(msgspec.Struct, frozen=True):
    """A document was written into the bucket. Events come late and more than once: it is read as it is now."""

    key: str


class ImagePushed(msgspec.Struct, frozen=True):
    """A tag was pushed. Which image it names now, the registry is asked."""

    reference: Reference


class Scheduled(msgspec.Struct, frozen=True):
    """The time for the daily report has come."""


class Irrelevant(msgspec.Struct, frozen=True):
    """An event that the cloud sends along with those that were asked for."""

    name: str
    why: str


class _Message(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field=_TAG,
):
    """One of our own, on its way through the queue."""

    base: str
    digest: str
    """What the base was pinned to when this was written. It may have moved on since."""


class DependentsPage(_Message, frozen=True, kw_only=True, tag="dependents-page"):
    """The dependents of a base behind the one named `after`."""

    after: str = ""


class Dependent(_Message, frozen=True, kw_only=True, tag="dependent"):
    """One image to rebuild on the base's new digest."""

    order: str
    tries: int = 0
    """How often there was no room for it."""


Event: TypeAlias = OrderSent | SpecDropped | ImagePushed | Scheduled | DependentsPage | Dependent | Irrelevant


def parse_message(body: Any) -> OrderSent | DependentsPage | Dependent:
    """A message of the queue that is not the cloud's own. Raises INVALID_SPEC."""
    if not isinstance(body, dict):
        raise invalid("the message is not a JSON object")
    if _TAG not in body:
        return OrderSent(body)
    try:
        message: DependentsPage | Dependent = convert(body, DependentsPage | Dependent)  # type: ignore[arg-type]
    except Undecodable as error:
        raise invalid(f"the message: {error}") from None
    return message
