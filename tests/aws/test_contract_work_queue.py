"""The contract of queues, held by SQS."""

import json
from typing import Any

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.queue import SqsDeadLetters, SqsWorkQueue
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below


class Hands:
    def __init__(self, clients: Clients) -> None:
        self._sqs = clients.sqs()
        self._queue, self._dead = (
            self._sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("events", "dead-letters")
        )
        self.queue = SqsWorkQueue(clients, self._queue)
        self.dead_letters = SqsDeadLetters(clients, self._dead)

    def bodies(self) -> list[Any]:
        return [json.loads(message["Body"]) for message in self._take(self._queue)]

    def dead(self) -> list[tuple[Any, str]]:
        found = self._take(self._dead)
        return [(_read(each["Body"]), each["MessageAttributes"]["boatyard-code"]["StringValue"]) for each in found]

    def _take(self, url: str) -> list[Any]:
        asked: Any = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
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


@pytest.fixture
def hands(clients: Clients) -> Hands:
    return Hands(clients)


def test_without_a_url_there_is_no_queue_and_no_place_for_dead_letters(clients: Clients) -> None:
    from boatyard.errors import BoatyardError

    assert not SqsWorkQueue(clients, "")
    assert not SqsDeadLetters(clients, "").keep({}, BoatyardError("INVALID_SPEC", "x"), source="m")
