"""The contract of context stores, held by Blob Storage together with the job."""

import time
from pathlib import Path

import pytest

from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.contexts import BlobContextStore
from boatyard_azure.rest import AzureRest
from tests.azure.uploads import Uploads
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import SHA256, Case


@pytest.fixture
def it(bucket: BlobBucket, rest: AzureRest, tmp_path: Path, ca_file: Path) -> Case:
    clock = ManualClock(time.time())
    started = clock.now()
    store = BlobContextStore(rest, bucket.account, bucket.container, clock)
    uploads = Uploads(store, tmp_path, ca_file)

    def put(upload: Upload, data: bytes) -> None:
        """azurite has the real clock, so time passes for a URL by its having been made so much earlier."""
        passed = clock.now() - started
        if passed and SHA256 in upload.upload_url:
            earlier = BlobContextStore(rest, bucket.account, bucket.container, ManualClock(started - passed - 1))
            upload = earlier.upload(SHA256, len(data))
        uploads.put(upload, data)

    return Case(store, clock, put)
