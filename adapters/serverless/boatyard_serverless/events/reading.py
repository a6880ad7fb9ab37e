"""What each cloud's `events` module does to parse its own events."""

from typing import Any, TypeVar

from boatyard.decoding import Undecodable, convert, decode_json
from boatyard.errors import invalid
from boatyard_serverless.events.model import Irrelevant, SpecDropped

T = TypeVar("T")


def read_event(value: Any, kind: type[T], what: str) -> T:
    """Parses a part of an event. Raises INVALID_SPEC that begins with `what`."""
    try:
        return convert(value, kind)
    except Undecodable as error:
        raise invalid(f"{what}: {error}") from None


def created(key: str, place: str, *, is_own: bool) -> SpecDropped | Irrelevant:
    """The event of a new object, which `place` names with its bucket."""
    return SpecDropped(key) if is_own else Irrelevant(place, "it is another bucket's")


def readable(text: str) -> Any:
    """Decodes JSON. Leaves other text as it is, so that `parse_message` refuses it, and dead letters show it."""
    try:
        return decode_json(text, object)
    except Undecodable:
        return text
