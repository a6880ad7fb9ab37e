"""Reads the messages in two SQS queues, for the contract suite of queues."""

import json
from typing import Any

from boatyard_aws.clients import Clients
from boatyard_aws.queue import SqsWorkQueue, sqs_dead_letters


class QueueDriver:
    def __init__(self, clients: Clients, queue: str, dead_letters: str, *, wait_seconds: int = 0) -> None:
        self._sqs = clients.sqs()
        self._queue, self._dead, self._wait_seconds = queue, dead_letters, wait_seconds
        self.queue = SqsWorkQueue(clients, queue)
        self.dead_letters = sqs_dead_letters(clients, dead_letters)

    def bodies(self) -> list[Any]:
        return [json.loads(message["Body"]) for message in self._take(self._queue)]

    def dead(self) -> list[tuple[Any, str]]:
        found = self._take(self._dead)
        return [(_read(each["Body"]), each["MessageAttributes"]["boatyard-code"]["StringValue"]) for each in found]

    def _take(self, url: str) -> list[Any]:
        asked: Any = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        asked["WaitTimeSeconds"] = self._wait_seconds
        messages = self._sqs.receive_message(**asked).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return list(messages)


def _read(body: str) -> Any:
    """A body that was text is kept as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body
