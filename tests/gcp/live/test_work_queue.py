"""The contract suite of queues, with Pub/Sub itself."""

import itertools
from collections.abc import Iterator

import pytest

from boatyard_gcp.rest import GoogleRest
from tests.contract.live import FRESH, live
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.gcp.pubsub import Topics
from tests.gcp.work_queue_driver import QueueDriver

pytestmark = live("gcp")
_LOOKS = 10
"""Pub/Sub asks some of its machines for each, and may find nothing where there is something."""
_NUMBERS = itertools.count(1)


@pytest.fixture
def driver(rest: GoogleRest, project: str) -> Iterator[QueueDriver]:
    def where() -> tuple[str, dict[str, str]]:
        return rest.address("pubsub"), {"authorization": f"Bearer {rest.identity.token()}"}

    topics = Topics(where, project, looks=_LOOKS)
    yield QueueDriver(rest, topics, f"{FRESH}-{next(_NUMBERS)}")
    topics.delete()
