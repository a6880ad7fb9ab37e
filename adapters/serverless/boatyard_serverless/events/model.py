"""Types of events. Each cloud's `events` module parses its own events into them."""

from typing import Any, TypeAlias

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.errors import invalid
from boatyard.reference import Reference

_TAG = "boatyardEvent"


class OrderSent(msgspec.Struct, frozen=True):
    """A message with the body of POST /v1/builds."""

    document: Any


class SpecDropped(msgspec.Struct, frozen=True):
    """A document was written to the bucket. Events arrive late and repeatedly, so its current version is read."""

    key: str


class ImagePushed(msgspec.Struct, frozen=True):
    """A tag was pushed. The registry is asked for its current digest."""

    reference: Reference


class Scheduled(msgspec.Struct, frozen=True):
    """The daily report is due."""


class Irrelevant(msgspec.Struct, frozen=True):
    """An event that the cloud sends with the subscribed ones."""

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
    """A message that Boatyard itself puts into the queue."""

    base: str
    digest: str
    """The base's pin when the message was written. The base may have moved since."""


class DependentsPage(_Message, frozen=True, kw_only=True, tag="dependents-page"):
    """The dependents of a base, starting after the order `after`."""

    after: str = ""


class Dependent(_Message, frozen=True, kw_only=True, tag="dependent"):
    """One image to rebuild on the base's new digest."""

    order: str
    tries: int = 0
    """How often the build limits delayed it."""


class BuildWaiting(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field=_TAG, tag="build-waiting"
):
    """A build that the function for events carries out itself (`boatyard_serverless.inline`)."""

    build: str


Event: TypeAlias = (
    OrderSent | SpecDropped | ImagePushed | Scheduled | DependentsPage | Dependent | BuildWaiting | Irrelevant
)


def parse_message(body: Any) -> OrderSent | DependentsPage | Dependent | BuildWaiting:
    """Parses a message that Boatyard or a user put into the queue. Raises INVALID_SPEC."""
    if not isinstance(body, dict):
        raise invalid("the message is not a JSON object")
    if _TAG not in body:
        return OrderSent(body)
    try:
        message: DependentsPage | Dependent | BuildWaiting = convert(
            body,
            DependentsPage | Dependent | BuildWaiting,  # type: ignore[arg-type]
        )
    except Undecodable as error:
        raise invalid(f"the message: {error}") from None
    return message
