"""Messages of the Storage Queue -> `boatyard_serverless.events`.

- Event Grid's events of the storage account (Microsoft.Storage.BlobCreated) and of the registry
  (Microsoft.ContainerRegistry.ImagePushed), in Event Grid's schema or as CloudEvents
  (https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage,
  https://learn.microsoft.com/azure/event-grid/event-schema-container-registry).
- Any other message is an order, or one of Boatyard's own.

A message comes at least once, in no order. Its ETag and its digest are not used: the blob and the tag are asked what
they are now, and of any number of equal orders one is built.
"""

from base64 import b64decode
from typing import Any, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.reference import Reference
from boatyard_azure.telemetry import InsightsTelemetry
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
from boatyard_serverless.ports import DeadLetters
from boatyard_serverless.telemetry import report_refusal

MOST_TRIES: Final = 5
"""How often the host delivers a message: `maxDequeueCount` in host.json."""
_LONGEST_NAME: Final = 200
_SHORTENED: Final = 8 * 1024
"""Characters. In JSON and UTF-8 each is up to six bytes, and a message of a Storage Queue has 48 KiB before base64."""
_STORAGE: Final = "Microsoft.Storage."
_REGISTRY: Final = "Microsoft.ContainerRegistry."


class EventApp:
    """`account` and `container`: events of other blobs are left alone."""

    def __init__(
        self,
        dispatch: Dispatch,
        dead_letters: DeadLetters,
        telemetry: InsightsTelemetry,
        *,
        account: str,
        container: str,
    ) -> None:
        self._dispatch = dispatch
        self._dead_letters = dead_letters
        self._telemetry = telemetry
        self._account = account
        self._container = container

    def message(self, body: bytes, *, name: str, tries: int, invocation: str = "", traceparent: str = "") -> None:
        """Raises what a repeat can help, logged with its reason; the host delivers it again.

        The last try keeps the message with its reason itself: the host would move it without one.
        """
        with self._telemetry.request(invocation, traceparent):
            self._telemetry.count("Messages")
            try:
                self._dispatch.message(lambda: self._parse(body), _readable(body), source=name)
            except BoatyardError as error:
                self._again(body, error, name, tries)
            except Exception:
                self._telemetry.exception("unforeseen error")
                unforeseen = BoatyardError(Code.INTERNAL, "an unforeseen error; the function's log has more")
                self._again(body, unforeseen, name, tries)

    def poison(self, body: bytes, *, name: str, invocation: str = "", traceparent: str = "") -> None:
        """Keeps a message that the host has given up, because the function was stopped at each try, or because the dead
        letters did not take it. Raises if they still do not."""
        error = BoatyardError(
            Code.INTERNAL,
            f"the function did not finish with this message in {MOST_TRIES} tries: it was stopped meanwhile, or the "
            "dead letters did not take it; the function's log has more",
        )
        with self._telemetry.request(invocation, traceparent):
            report_refusal(self._telemetry, "message given up", error, source=name)
            self._keep(body, error, name)

    def scheduled(self, *, invocation: str = "", traceparent: str = "") -> None:
        """Raises what a repeat can help."""
        with self._telemetry.request(invocation, traceparent):
            try:
                self._dispatch.event(Scheduled, None, source="timer")
            except BoatyardError:
                raise
            except Exception:
                self._telemetry.exception("unforeseen error")
                raise

    def _parse(self, body: bytes) -> Event:
        return parse(_document(body), account=self._account, container=self._container)

    def _again(self, body: bytes, error: BoatyardError, name: str, tries: int) -> None:
        if tries < MOST_TRIES:
            raise error
        report_refusal(self._telemetry, "message given up", error, source=name)
        self._keep(body, error, name)

    def _keep(self, body: bytes, error: BoatyardError, name: str) -> None:
        """The reason needs room too: of a message that leaves none, the first part is kept. Raises the error if nothing
        is."""
        readable = _readable(body)
        if self._dead_letters.keep(readable, error, source=name):
            return
        text = body.decode(errors="replace")
        if len(text) <= _SHORTENED or not self._dead_letters.keep(text[:_SHORTENED], error, source=name):
            raise error


class _GridEvent(msgspec.Struct, frozen=True, rename="camel"):
    """https://learn.microsoft.com/azure/event-grid/event-schema, and CloudEvents' names of the same fields."""

    event_type: str = ""
    type: str = ""
    topic: str = ""
    source: str = ""
    subject: str = ""
    data: Any = None

    @property
    def kind(self) -> str:
        return self.event_type or self.type


class _Target(msgspec.Struct, frozen=True):
    repository: str = ""
    tag: str | None = None


class _Sent(msgspec.Struct, frozen=True):
    host: str = ""


class _Pushed(msgspec.Struct, frozen=True):
    target: _Target
    request: _Sent


def parse(document: Any, *, account: str, container: str) -> Event:
    """Raises INVALID_SPEC for what nothing here handles."""
    if not isinstance(document, dict) or not ("subject" in document and {"eventType", "type"} & document.keys()):
        return parse_message(document)
    event = read_event(document, _GridEvent, "the event")
    if event.kind == f"{_STORAGE}BlobCreated":
        return _dropped(event, account, container)
    if event.kind == f"{_REGISTRY}ImagePushed":
        return _pushed(read_event(event.data, _Pushed, "the event's data"))
    if event.kind.startswith((_STORAGE, _REGISTRY)):
        return Irrelevant(event.kind[:_LONGEST_NAME], "neither a blob was made nor an image pushed")
    raise invalid(f"nothing here handles events of the type {event.kind[:_LONGEST_NAME]!r}")


def _dropped(event: _GridEvent, account: str, container: str) -> SpecDropped | Irrelevant:
    """By the subject, /blobServices/default/containers/<container>/blobs/<name>, and the account's resource id."""
    place, _, key = event.subject.partition("/blobs/")
    owner = (event.topic or event.source).rpartition("/")[2]
    if not key or not owner:
        raise invalid("the event names no blob, or no storage account")
    own = place == f"/blobServices/default/containers/{container}" and owner.lower() == account.lower()
    return created(key, f"{owner}{event.subject}"[:_LONGEST_NAME], is_own=own)


def _pushed(made: _Pushed) -> ImagePushed | Irrelevant:
    if not made.target.tag:
        return Irrelevant("container registry", "it is not the push of a tag")
    return ImagePushed(Reference.parse(f"{made.request.host}/{made.target.repository}:{made.target.tag}"))


def _document(body: bytes) -> Any:
    """A message's JSON. Event Grid sends it in base64, `az storage message put` as it is."""
    try:
        return decode_json(body, object)
    except Undecodable:
        pass
    try:
        return decode_json(b64decode(body, validate=True), object)
    except (ValueError, Undecodable):
        raise invalid("the message is not JSON, neither as it is nor in base64") from None


def _readable(body: bytes) -> Any:
    """What the dead letters keep: the document, or the text as it was sent."""
    try:
        return _document(body)
    except BoatyardError:
        return body.decode(errors="replace")
