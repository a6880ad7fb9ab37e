"""The contract suite of context stores, with S3."""

import httpx
import pytest

from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard.ports import Upload
from boatyard_aws.clients import Clients
from boatyard_aws.contexts import S3ContextStore
from tests.aws.cloud import Cloud
from tests.contract.test_context_store import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_context_store import DATA, Case


@pytest.fixture
def it(cloud: Cloud, clients: Clients, bucket: str) -> Case:
    clock = ManualClock()
    started = clock.now()

    def put(upload: Upload, data: bytes) -> None:
        cloud.ahead = clock.now() - started + 1
        answer = httpx.put(upload.upload_url, content=data, headers=upload.headers)
        if answer.is_success:
            return
        # S3 has one word, SignatureDoesNotMatch, for a forged URL and for another length than was signed
        other_bytes = answer.status_code == 400 or len(data) != len(DATA)
        raise BoatyardError("CONTEXT_INVALID" if other_bytes else "FORBIDDEN", answer.text)

    return Case(S3ContextStore(clients, bucket, clock), clock, put)
