"""The queue that the function for events reads, from its other side.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html: at most ten at once,
and the answer is 200 even if some of them were not taken.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.faults import explained

_BATCH: Final = 10


class WorkQueue:
    """False without a URL."""

    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def __bool__(self) -> bool:
        return bool(self._url)

    def put(self, events: Iterable[dict[str, Any]], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless all were taken; those that were come a second time with the repeat."""
        bodies = iter([msgspec.json.encode(event).decode() for event in events])
        while batch := list(islice(bodies, _BATCH)):
            self._send(batch, delay_seconds)

    def _send(self, bodies: list[str], delay_seconds: int) -> None:
        codes = {"unavailable": "DATAPLANE_UNAVAILABLE", "denied": "DATAPLANE_DENIED"}
        with explained("sqs:SendMessage", self._url, **codes):
            answer = self._clients.sqs().send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": body, "DelaySeconds": delay_seconds}
                    for number, body in enumerate(bodies)
                ],
            )
        if failed := answer.get("Failed"):
            raise BoatyardError(
                "DATAPLANE_UNAVAILABLE", f"the queue did not take {len(failed)} messages ({failed[0].get('Code')})"
            )
