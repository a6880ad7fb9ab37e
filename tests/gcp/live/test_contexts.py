"""The contract suite of context stores, with Cloud Storage itself and the job."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.contexts import GcsContextStore
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless import keys
from tests.contract.live import live, named
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import SHA256, Case
from tests.gcp.uploads import Uploads

pytestmark = live("gcp")


@pytest.fixture
def it(rest: GoogleRest, tmp_path: Path) -> Iterator[Case]:
    name = named("BOATYARD_LIVE_BUCKET")
    bucket, clock = GcsBucket(rest, name), ManualClock(time.time())
    started = clock.now()
    if bucket.has(keys.context(SHA256)):
        pytest.skip(f"{keys.context(SHA256)} is in the bucket already; it may be somebody's")
    store = GcsContextStore(rest, name, clock)
    uploads = Uploads(store, tmp_path)

    def put(upload: Upload, data: bytes) -> None:
        if clock.now() > started:
            pytest.skip("an hour would have to pass: Cloud Storage goes by its own clock")
        uploads.put(upload, data)

    yield Case(store, clock, put)
    bucket.delete(keys.context(SHA256))
