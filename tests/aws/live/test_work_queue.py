"""The contract suite of queues, with SQS itself."""

from collections.abc import Iterator

import pytest

from boatyard_aws.clients import Clients
from tests.aws.work_queue_driver import QueueDriver
from tests.contract.live import live, named
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("aws")
_LONG_POLL = 5
"""Seconds. A short poll asks only some of SQS's machines, and may find nothing where there is something."""


@pytest.fixture(scope="module")
def queues(clients: Clients) -> Iterator[tuple[str, str]]:
    urls = named("BOATYARD_LIVE_QUEUE"), named("BOATYARD_LIVE_DEAD_LETTERS")
    for url in urls:
        counts = clients.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        if any(int(value) for name, value in counts.items() if name.startswith("ApproximateNumberOfMessages")):
            pytest.skip(f"{url} has messages, which may be somebody's; name an empty queue")
    yield urls
    for url in urls:
        clients.sqs().purge_queue(QueueUrl=url)  # what is held back included


@pytest.fixture
def driver(clients: Clients, queues: tuple[str, str]) -> QueueDriver:
    return QueueDriver(clients, *queues, wait_seconds=_LONG_POLL)
