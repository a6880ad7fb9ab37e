"""The contract of context stores, held by Cloud Storage together with the job.

Cloud Storage cannot refuse other bytes of the announced length. The job does when it fetches them, and removes them.
"""

import hashlib
from pathlib import Path

import httpx
import pytest

from boatyard.context import Context
from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_buildkit.fetch import fetch
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.contexts import GcsContextStore
from boatyard_gcp.rest import Rest
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import DATA, SHA256, Case
from tests.gcp.loopback import ApiServer
from tests.gcp.storage import Storage

_THERE = 412


@pytest.fixture
def it(storage: Storage, iam: ApiServer, bucket: GcsBucket, rest: Rest, tmp_path: Path) -> Case:
    clock = ManualClock(_now())
    started = clock.now()
    store = GcsContextStore(rest, bucket.name, clock)

    def put(upload: Upload, data: bytes) -> None:
        storage.ahead = clock.now() - started + 1
        answer = httpx.put(upload.upload_url, content=data, headers=upload.headers)
        if not answer.is_success and answer.status_code != _THERE:
            refused = "EntityToo" in answer.text
            raise BoatyardError("CONTEXT_INVALID" if refused else "FORBIDDEN", answer.text)
        if hashlib.sha256(data).hexdigest() != SHA256:  # the job is the first to know
            target = tmp_path / f"archive-{len(list(tmp_path.iterdir()))}"
            url, refusal_url = store.download_url(SHA256), store.refusal_url(SHA256)
            fetch(Context(sha256=SHA256, size=len(DATA)), url, target, refusal_url=refusal_url)

    return Case(store, clock, put)


def _now() -> float:
    """The stand-in checks signatures by the real time."""
    import time

    return time.time()
