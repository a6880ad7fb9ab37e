"""Where a message goes that no repeat can help: at once and with its reason, not after its last delivery."""

from typing import Any

import msgspec

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.faults import explained

_LONGEST = 500


class DeadLetterQueue:
    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        """False without a queue, or if it did not take the message: then the redrive policy has to."""
        if not self._url:
            return False
        attributes = {
            "boatyard-code": error.code,
            "boatyard-detail": error.detail[:_LONGEST],
            "boatyard-source": source,
        }
        codes = {"unavailable": "DATAPLANE_UNAVAILABLE", "denied": "DATAPLANE_DENIED"}
        try:
            with explained("sqs:SendMessage", self._url, **codes):
                self._clients.sqs().send_message(
                    QueueUrl=self._url,
                    MessageBody=body if isinstance(body, str) and body else msgspec.json.encode(body).decode(),
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": value or "-"} for name, value in attributes.items()
                    },
                )
        except BoatyardError:
            return False
        return True
