"""The contract suite of queues, with SQS."""

import pytest

from boatyard_aws.clients import Clients
from boatyard_aws.queue import SqsWorkQueue, sqs_dead_letters
from tests.aws.work_queue_driver import QueueDriver
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below


@pytest.fixture
def driver(clients: Clients) -> QueueDriver:
    queue, dead = (clients.sqs().create_queue(QueueName=name)["QueueUrl"] for name in ("events", "dead-letters"))
    return QueueDriver(clients, queue, dead)


def test_without_a_url_there_is_no_queue_and_no_place_for_dead_letters(clients: Clients) -> None:
    from boatyard.errors import BoatyardError

    assert not SqsWorkQueue(clients, "")
    assert not sqs_dead_letters(clients, "").keep({}, BoatyardError("INVALID_SPEC", "x"), source="m")
