"""Parses CloudEvents from Eventarc and Pub/Sub into the events of `boatyard_serverless.events`.

- Cloud Storage, by Eventarc (google.cloud.storage.object.v1.finalized) or by a notification of the bucket on a topic
  (https://cloud.google.com/storage/docs/pubsub-notifications), which can be limited to specs/.
- Artifact Registry's notifications on the topic `gcr`
  (https://cloud.google.com/artifact-registry/docs/configure-notifications).
- Cloud Scheduler: a message with the attribute `boatyard-event: scheduled`. Its data must not be empty:
  functions-framework rejects a push without data.
- Any other message is an order, or one of Boatyard's own.

A message is delivered at least once, in any order. Its generation and digest are not used: the handlers read the
current object and tag, and equal orders are built once.
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, invalid
from boatyard.reference import Reference
from boatyard_gcp.telemetry import CloudLogging
from boatyard_serverless.events.dispatch import Dispatch
from boatyard_serverless.events.model import (
    Event,
    ImagePushed,
    Irrelevant,
    Scheduled,
    SpecDropped,
    parse_message,
)
from boatyard_serverless.events.reading import created, read_event

FINALIZED: Final = "google.cloud.storage.object.v1.finalized"
PUBLISHED: Final = "google.cloud.pubsub.topic.v1.messagePublished"
EVENT_ATTRIBUTE: Final = "boatyard-event"
_SCHEDULED: Final = "scheduled"
_NOTIFICATION: Final = frozenset({"action", "digest", "tag"})
_LONGEST_NAME: Final = 200


class EventApp:
    """Ignores events of any bucket other than `bucket`. Without a topic for dead letters (`keeps_dead_letters`), an
    event that a retry cannot fix is logged and is not delivered again."""

    def __init__(
        self,
        dispatch: Dispatch,
        telemetry: CloudLogging,
        *,
        bucket: str,
        keeps_dead_letters: bool,
    ) -> None:
        self._dispatch = dispatch
        self._telemetry = telemetry
        self._bucket = bucket
        self._keeps_dead_letters = keeps_dead_letters

    def handle(self, attributes: Mapping[str, Any], data: Any) -> None:
        """Raises errors that a retry may fix, after logging the reason; Pub/Sub and Eventarc then deliver the event
        again."""
        with self._telemetry.request({"traceparent": str(attributes.get("traceparent", ""))}):
            try:
                self._handle(attributes, data)
            except BoatyardError:
                raise
            except Exception:
                self._telemetry.exception("unforeseen error")
                raise

    def _handle(self, attributes: Mapping[str, Any], data: Any) -> None:
        kind, name = str(attributes.get("type", "")), _name(attributes, data)

        def read() -> Event:
            return parse(kind, data, bucket=self._bucket)

        if kind != PUBLISHED:
            self._dispatch.event(read, data, source=name)
            return
        self._telemetry.count("Messages")
        if self._keeps_dead_letters:
            self._dispatch.message(read, _readable(data), source=name)
        else:
            self._dispatch.event(read, _readable(data), source=name, queued=True)


class _Object(msgspec.Struct, frozen=True):
    """https://cloud.google.com/storage/docs/json_api/v1/objects, only the fields that are used."""

    bucket: str
    name: str


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    """https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage"""

    data: str = ""
    attributes: Mapping[str, str] = {}
    message_id: str = ""


class _Pushed(msgspec.Struct, frozen=True):
    message: _Message


class _Notification(msgspec.Struct, frozen=True):
    action: str
    tag: str = ""


def parse(kind: str, data: Any, *, bucket: str) -> Event:
    """Parses a CloudEvent of the type `kind`. Raises INVALID_SPEC for types that nothing here handles."""
    if kind == FINALIZED:
        return _dropped(read_event(data, _Object, "the event's object"), bucket)
    if kind == PUBLISHED:
        return _of_message(read_event(data, _Pushed, "the event's message").message, bucket)
    raise invalid(f"nothing here handles events of the type {kind[:_LONGEST_NAME]!r}")


def _of_message(message: _Message, bucket: str) -> Event:
    if "eventType" in message.attributes:
        return _of_notification(message.attributes, bucket)
    event = message.attributes.get(EVENT_ATTRIBUTE, "")
    if event == _SCHEDULED:
        return Scheduled()
    if event:
        raise invalid(f"{EVENT_ATTRIBUTE} is {event[:_LONGEST_NAME]!r}; only {_SCHEDULED} is known")
    body = _body(message.data)
    if isinstance(body, dict) and "action" in body and body.keys() <= _NOTIFICATION:
        return _pushed(read_event(body, _Notification, "the notification"))
    return parse_message(body)


def _of_notification(attributes: Mapping[str, str], bucket: str) -> SpecDropped | Irrelevant:
    """Parses Cloud Storage's own notification. Its data is the object's metadata, or empty."""
    made = _Object(attributes.get("bucketId", ""), attributes.get("objectId", ""))
    if attributes["eventType"] != "OBJECT_FINALIZE":
        return Irrelevant(_named(made), "no object was created")
    if not made.bucket or not made.name:
        raise invalid("the notification has no bucketId or no objectId")
    return _dropped(made, bucket)


def _dropped(made: _Object, bucket: str) -> SpecDropped | Irrelevant:
    return created(made.name, _named(made), is_own=made.bucket == bucket)


def _pushed(made: _Notification) -> ImagePushed | Irrelevant:
    if made.action != "INSERT" or not made.tag:
        return Irrelevant("artifact registry", "it is not a push of a tag")
    return ImagePushed(Reference.parse(made.tag))


def _named(made: _Object) -> str:
    return f"gs://{made.bucket}/{made.name}"[:_LONGEST_NAME]


def _body(data: str) -> Any:
    try:
        return decode_json(b64decode(data, validate=True), object)
    except (ValueError, Undecodable):
        raise invalid("the message is not JSON in base64") from None


def _readable(data: Any) -> Any:
    """The body for the dead letters: the message as it was sent, as far as it can be read."""
    encoded = data.get("message", {}).get("data") if isinstance(data, dict) and _has_message(data) else None
    try:
        return b64decode(encoded, validate=True).decode() if isinstance(encoded, str) and encoded else data
    except ValueError:
        return data


def _has_message(data: dict[str, Any]) -> bool:
    return isinstance(data.get("message"), dict)


def _name(attributes: Mapping[str, Any], data: Any) -> str:
    """The event's id for logs and dead letters; for a message, the message's id."""
    message = data.get("message") if isinstance(data, dict) else None
    found = message.get("messageId") if isinstance(message, dict) else None
    kind = str(attributes.get("type", "?")).rpartition(".")[2]
    return f"{kind} {found or attributes.get('id', '')}"[:_LONGEST_NAME]
