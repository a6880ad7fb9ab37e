"""The contract suite of queues, with Storage Queues themselves."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.storage.queue import QueueServiceClient

from boatyard_azure.rest import STORAGE_VERSION, AzureRest
from tests.azure.work_queue_driver import StorageQueueDriver
from tests.contract.live import live, named
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below

pytestmark = live("azure")


class OwnCredential:
    """The same identity for Azure's own client."""

    def __init__(self, rest: AzureRest) -> None:
        self._rest = rest

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(self._rest.identity.token(scopes[0].removesuffix("/.default")), int(time.time() + 300))


@pytest.fixture
def driver(rest: AzureRest, account: str) -> Iterator[StorageQueueDriver]:
    names = named("BOATYARD_LIVE_QUEUE"), named("BOATYARD_LIVE_DEAD_LETTERS")
    queues = QueueServiceClient(
        rest.endpoints.queue(account), credential=OwnCredential(rest), api_version=STORAGE_VERSION
    )
    for name in names:
        if queues.get_queue_client(name).get_queue_properties().approximate_message_count:
            pytest.skip(f"the queue {name} has messages; they may be somebody's")
    yield StorageQueueDriver(rest, account, queues, *names)
    for name in names:
        queues.get_queue_client(name).clear_messages()
