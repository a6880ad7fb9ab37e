"""The contract suite of context stores, with Blob Storage itself and the job."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.contexts import BlobContextStore
from boatyard_azure.rest import AzureRest
from boatyard_serverless import keys
from tests.azure.uploads import Uploads
from tests.contract.live import live, named
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import SHA256, Case

pytestmark = live("azure")


@pytest.fixture
def it(rest: AzureRest, account: str, tmp_path: Path) -> Iterator[Case]:
    container = named("BOATYARD_LIVE_BUCKET")
    bucket, clock = BlobBucket(rest, account, container), ManualClock(time.time())
    started = clock.now()
    if bucket.has(keys.context(SHA256)):
        pytest.skip(f"{keys.context(SHA256)} is in the container already; it may be somebody's")
    store = BlobContextStore(rest, account, container, clock)
    uploads = Uploads(store, tmp_path)

    def put(upload: Upload, data: bytes) -> None:
        if clock.now() > started:
            pytest.skip("an hour would have to pass: Blob Storage goes by its own clock")
        uploads.put(upload, data)

    yield Case(store, clock, put)
    bucket.delete(keys.context(SHA256))
