"""Parses Lambda's events, which are batches of a queue and EventBridge's events, for `boatyard_serverless.events`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from boatyard.errors import invalid
from boatyard.reference import Reference
from boatyard_serverless.events.dispatch import Dispatch
from boatyard_serverless.events.model import Event, ImagePushed, Irrelevant, Scheduled, parse_message
from boatyard_serverless.events.reading import created, read_event, readable
from boatyard_serverless.ports import Telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

T = TypeVar("T")


class EventApp:
    """Handles events. Ignores those of any bucket other than `bucket`."""

    def __init__(self, dispatch: Dispatch, telemetry: Telemetry, *, bucket: str) -> None:
        self._dispatch = dispatch
        self._telemetry = telemetry
        self._bucket = bucket

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        """Raises errors that a retry can help; the event source delivers the event again."""
        records = event.get("Records") if isinstance(event, dict) else None
        if isinstance(records, list) and records and _is_sqs(records[0]):
            self._telemetry.count("Messages", len(records))
            return _message_by_message(event, context, lambda body, name: self._message(body, name, context))
        outcome = self._dispatch.event(lambda: parse(event, bucket=self._bucket), event, source=_name(event))
        return outcome.document()

    def _message(self, body: Any, message_id: str, context: Any) -> None:
        def read() -> Event:
            is_bridged = isinstance(body, dict) and "detail-type" in body
            return parse(body, bucket=self._bucket) if is_bridged else parse_message(body)

        seconds_left = context.get_remaining_time_in_millis() / 1000
        self._dispatch.message(read, body, source=message_id, seconds_left=seconds_left)


def _message_by_message(event: dict[str, Any], context: Any, take: Callable[[Any, str], None]) -> dict[str, Any]:
    """Handles each message of a batch. SQS redelivers the messages that the answer names, and deletes the others.

    The event source mapping must have ReportBatchItemFailures
    (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
    """
    from aws_lambda_powertools.utilities import batch

    def handle(record: "SQSRecord") -> None:
        take(readable(record.body), record.message_id)

    fifo = str(event["Records"][0].get("eventSourceARN", "")).endswith(".fifo")
    processor = batch.SqsFifoPartialProcessor() if fifo else batch.BatchProcessor(event_type=batch.EventType.SQS)
    # If all messages fail, the answer names them too, without powertools' own exception and its stack trace.
    processor.raise_on_entire_batch_failure = False
    return dict(batch.process_partial_response(event, handle, processor, context))


class _Named(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str


class _ObjectCreated(msgspec.Struct):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""

    bucket: _Named
    object: _Object


class _ImageAction(msgspec.Struct, rename="kebab"):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""

    action_type: str | None = None
    result: str | None = None
    repository_name: str | None = None
    image_tag: str | None = None


class _Bridged(msgspec.Struct, Generic[T]):
    detail: T
    account: str | None = None
    region: str | None = None


def parse(event: Any, *, bucket: str) -> Event:
    """Parses an EventBridge event. Raises INVALID_SPEC for anything else."""
    if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
        raise invalid("the event is neither a queue's batch nor one of EventBridge")
    what = f"the event {_name(event)}"
    match event.get("source"), event.get("detail-type"):
        case "aws.s3", "Object Created":
            made = read_event(event, _Bridged[_ObjectCreated], what).detail
            return created(
                made.object.key, f"s3 {made.bucket.name}/{made.object.key}", is_own=made.bucket.name == bucket
            )
        case "aws.ecr", "ECR Image Action":
            return _pushed(read_event(event, _Bridged[_ImageAction], what))
        case "aws.events" | "aws.scheduler", "Scheduled Event":
            return Scheduled()
    raise invalid(f"nothing here handles {_name(event)}")


def _pushed(event: _Bridged[_ImageAction]) -> ImagePushed | Irrelevant:
    made = event.detail
    if (made.action_type, made.result) != ("PUSH", "SUCCESS") or not made.image_tag:
        return Irrelevant("ecr", "it is not the successful push of a tag")
    if not (event.account and event.region and made.repository_name):
        raise invalid("the event has no account, region or repository-name")
    suffix = ".cn" if event.region.startswith("cn-") else ""
    host = f"{event.account}.dkr.ecr.{event.region}.amazonaws.com{suffix}"
    return ImagePushed(Reference.parse(f"{host}/{made.repository_name}:{made.image_tag}"))


def _is_sqs(record: Any) -> bool:
    return isinstance(record, dict) and record.get("eventSource") == "aws:sqs"


def _name(event: Any) -> str:
    if not isinstance(event, dict):
        return type(event).__name__
    return f"{event.get('source', '?')} {event.get('detail-type', '?')} {event.get('id', '')}".strip()[:200]
