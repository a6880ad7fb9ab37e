"""Lambda's events -> `boatyard_serverless.events`: a queue's batch, and what EventBridge sends."""

from typing import Any

from boatyard.errors import invalid
from boatyard.reference import Reference
from boatyard_serverless.events.dispatch import Dispatch
from boatyard_serverless.events.model import Event, ImagePushed, Irrelevant, Scheduled, SpecDropped, parse_message
from boatyard_serverless.ports import Telemetry


class EventApp:
    """`bucket`: events of any other one are left alone."""

    def __init__(self, dispatch: Dispatch, telemetry: Telemetry, *, bucket: str) -> None:
        self._dispatch = dispatch
        self._telemetry = telemetry
        self._bucket = bucket

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        """Raises what a repeat can help; the event source delivers it again."""
        records = event.get("Records") if isinstance(event, dict) else None
        if isinstance(records, list) and records and _is_sqs(records[0]):
            from boatyard_aws.batch import partial_response

            self._telemetry.count("Messages", len(records))
            return partial_response(event, context, self._message)
        outcome = self._dispatch.event(lambda: parse(event, bucket=self._bucket), event, source=_name(event))
        return outcome.document()

    def _message(self, body: Any, message_id: str) -> None:
        def read() -> Event:
            is_bridged = isinstance(body, dict) and "detail-type" in body
            return parse(body, bucket=self._bucket) if is_bridged else parse_message(body)

        self._dispatch.message(read, body, source=message_id)


def parse(event: Any, *, bucket: str) -> Event:
    """An event of EventBridge. Raises INVALID_SPEC for anything else."""
    if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
        raise invalid("the event is neither a queue's batch nor one of EventBridge")
    match event.get("source"), event.get("detail-type"):
        case "aws.s3", "Object Created":
            return _dropped(event["detail"], bucket)
        case "aws.ecr", "ECR Image Action":
            return _pushed(event)
        case "aws.events" | "aws.scheduler", "Scheduled Event":
            return Scheduled()
    raise invalid(f"nothing here handles {_name(event)}")


def _dropped(detail: dict[str, Any], bucket: str) -> SpecDropped | Irrelevant:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    key, name = _text(detail, "object", "key"), _text(detail, "bucket", "name")
    return SpecDropped(key) if name == bucket else Irrelevant(f"s3 {name}/{key}", "it is another bucket's")


def _pushed(event: dict[str, Any]) -> ImagePushed | Irrelevant:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    detail = event["detail"]
    if (detail.get("action-type"), detail.get("result")) != ("PUSH", "SUCCESS") or not detail.get("image-tag"):
        return Irrelevant("ecr", "it is not the successful push of a tag")
    account, region = event.get("account"), event.get("region")
    name, tag = detail.get("repository-name"), detail.get("image-tag")
    if not all(isinstance(part, str) and part for part in (account, region, name, tag)):
        raise invalid("the event has no account, region, repository-name or image-tag")
    suffix = ".cn" if str(region).startswith("cn-") else ""
    return ImagePushed(Reference.parse(f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}/{name}:{tag}"))


def _is_sqs(record: Any) -> bool:
    return isinstance(record, dict) and record.get("eventSource") == "aws:sqs"


def _name(event: Any) -> str:
    if not isinstance(event, dict):
        return type(event).__name__
    return f"{event.get('source', '?')} {event.get('detail-type', '?')} {event.get('id', '')}".strip()[:200]


def _text(table: Any, *names: str) -> str:
    for name in names:
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, str) or not table:
        raise invalid(f"the event has no detail.{'.'.join(names)}")
    return table
