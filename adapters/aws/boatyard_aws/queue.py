"""Sends messages to SQS: to the queue of the function for events, and to the dead letters.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html: a request has at most
ten messages, and its status is 200 even if SQS rejects some of them.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_serverless.batches import batches
from boatyard_serverless.dead_letters import QueuedDeadLetters
from boatyard_serverless.ports import DeadLetters

_BATCH: Final = 10


class SqsWorkQueue:
    """Implements `boatyard_serverless.ports.WorkQueue`. Falsy without a URL."""

    longest_delay_seconds = 900
    """SQS delays no message longer."""

    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def __bool__(self) -> bool:
        return bool(self._url)

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless SQS accepted every message; a retry sends the accepted ones again."""
        for batch in batches(messages, _BATCH):
            self._send(batch, delay_seconds)

    def _send(self, bodies: list[bytes], delay_seconds: int) -> None:
        with AwsCall("sqs:SendMessage", self._url):
            answer = self._clients.sqs().send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": body.decode(), "DelaySeconds": delay_seconds}
                    for number, body in enumerate(bodies)
                ],
            )
        if failed := answer.get("Failed"):
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE, f"the queue did not take {len(failed)} messages ({failed[0].get('Code')})"
            )


def sqs_dead_letters(clients: Clients, url: str) -> DeadLetters:
    """Keeps nothing without a URL."""

    def post(text: str, reasons: dict[str, str]) -> None:
        with AwsCall("sqs:SendMessage", url):
            clients.sqs().send_message(
                QueueUrl=url,
                MessageBody=text,
                MessageAttributes={name: {"DataType": "String", "StringValue": said} for name, said in reasons.items()},
            )

    return QueuedDeadLetters(post if url else None)
