"""The contract suite of context stores, with Cloud Storage and the job."""

import time
from pathlib import Path

import pytest

from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.contexts import GcsContextStore
from boatyard_gcp.rest import GoogleRest
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import Case
from tests.gcp.loopback import ApiServer
from tests.gcp.storage import Storage
from tests.gcp.uploads import Uploads


@pytest.fixture
def it(storage: Storage, iam: ApiServer, bucket: GcsBucket, rest: GoogleRest, tmp_path: Path) -> Case:
    clock = ManualClock(time.time())  # the stand-in checks signatures by the real time
    started = clock.now()
    store = GcsContextStore(rest, bucket.name, clock)
    uploads = Uploads(store, tmp_path)

    def put(upload: Upload, data: bytes) -> None:
        storage.ahead = clock.now() - started + 1
        uploads.put(upload, data)

    return Case(store, clock, put)
