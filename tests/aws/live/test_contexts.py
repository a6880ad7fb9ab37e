"""The contract suite of context stores, with S3 itself, which verifies uploads."""

import time
from collections.abc import Iterator

import httpx
import pytest

from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.contexts import S3ContextStore
from boatyard_serverless import keys
from tests.contract.live import live, named
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import DATA, SHA256, Case

pytestmark = live("aws")


@pytest.fixture
def it(clients: Clients) -> Iterator[Case]:
    name = named("BOATYARD_LIVE_BUCKET")
    bucket, clock = S3Bucket(clients, name), ManualClock(time.time())
    started = clock.now()
    if bucket.has(keys.context(SHA256)):
        pytest.skip(f"{keys.context(SHA256)} is in the bucket already; it may be somebody's")

    def put(upload: Upload, data: bytes) -> None:
        if clock.now() > started:
            pytest.skip("an hour would have to pass: S3 goes by its own clock")
        answer = httpx.put(upload.upload_url, content=data, headers=upload.headers)
        if answer.is_success:
            return
        # S3 has one word, SignatureDoesNotMatch, for a forged URL and for another length than was signed
        other_bytes = answer.status_code == 400 or len(data) != len(DATA)
        raise BoatyardError("CONTEXT_INVALID" if other_bytes else "FORBIDDEN", answer.text)

    yield Case(S3ContextStore(clients, name, clock), clock, put)
    bucket.delete(keys.context(SHA256))
