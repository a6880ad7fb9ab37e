"""A batch of messages, answered message by message.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html: the messages named in
`batchItemFailures` are delivered again, the rest is deleted. The event source mapping must have
ReportBatchItemFailures.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from boatyard.decoding import Undecodable, decode_json

Take = Callable[[Any, str], None]


def partial_response(event: dict[str, Any], context: Any, take: Take) -> dict[str, Any]:
    def handle(record: SQSRecord) -> None:
        take(_body(record.body), record.message_id)

    fifo = str(event["Records"][0].get("eventSourceARN", "")).endswith(".fifo")
    processor = SqsFifoPartialProcessor() if fifo else BatchProcessor(event_type=EventType.SQS)
    # When all fail the answer names them just the same, without a stack trace of powertools' own.
    processor.raise_on_entire_batch_failure = False
    answer: dict[str, Any] = dict(process_partial_response(event, handle, processor, context))
    return answer


def _body(text: str) -> Any:
    """JSON as it is; anything else as text, to be refused where all is refused."""
    try:
        return decode_json(text, object)
    except Undecodable:
        return text
