"""Contexts in S3 contain exactly the announced bytes."""

import hashlib

import httpx
import pytest

from boatyard.errors import BoatyardError
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.contexts import S3ContextStore
from boatyard_serverless.clock import SystemClock
from tests.aws.cloud import Cloud

DATA = b"not really a tar.gz"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(clients: Clients, bucket: str) -> S3ContextStore:
    return S3ContextStore(clients, bucket, SystemClock())


def put(store: S3ContextStore, data: bytes, **headers: str) -> httpx.Response:
    upload = store.upload(SHA, len(DATA))
    return httpx.put(upload.upload_url, content=data, headers={**upload.headers, **headers})


def test_what_was_announced_is_taken_and_given_back(store: S3ContextStore) -> None:
    assert not store.has(SHA)
    assert put(store, DATA).status_code == 200
    assert store.has(SHA)
    assert httpx.get(store.download_url(SHA)).content == DATA


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (DATA[:-1] + b"!", {}, 400),  # BadDigest
        (DATA + b"more", {}, 403),  # the length is signed
        (DATA[:-1], {}, 403),
        (DATA, {"x-amz-checksum-sha256": "AAAA"}, 403),
    ],
)
def test_other_bytes_are_refused_and_nothing_is_kept(
    store: S3ContextStore, data: bytes, headers: dict[str, str], status: int
) -> None:
    assert put(store, data, **headers).status_code == status
    assert not store.has(SHA)


def test_an_upload_url_expires(store: S3ContextStore, cloud: Cloud) -> None:
    upload = store.upload(SHA, len(DATA))
    assert upload.expires_at - SystemClock().now() == pytest.approx(3600, abs=5)
    cloud.ahead = 3605
    assert httpx.put(upload.upload_url, content=DATA, headers=upload.headers).status_code == 403


def test_a_digest_that_is_none_is_refused(store: S3ContextStore) -> None:
    for bad in ("../specs/x", "", "A" * 64):
        with pytest.raises(BoatyardError) as refused:
            store.upload(bad, 1)
        assert refused.value.code == "INVALID_SPEC"


def test_a_bucket_that_may_not_be_read_is_not_an_empty_one(store: S3ContextStore, cloud: Cloud) -> None:
    cloud.fail("HEAD ", "AccessDenied", status=403)
    with pytest.raises(BoatyardError) as refused:
        store.has(SHA)
    assert refused.value.code == "DATAPLANE_DENIED" and "s3:ListBucket" in refused.value.detail


def test_a_conflict_of_conditional_writes_is_repeated(clients: Clients, bucket: str, cloud: Cloud) -> None:
    cloud.fail(f"PUT /{bucket}/jobs", "ConditionalRequestConflict", status=409, times=1)
    assert S3Bucket(clients, bucket).create("jobs/x", b"1")


def test_keys_are_listed_over_pages_and_from_a_place_on(clients: Clients, bucket: str) -> None:
    place = S3Bucket(clients, bucket)
    for number in range(5):
        place.put(f"builds/{number}", b"")
    assert list(place.keys("builds/", page=2)) == [f"builds/{number}" for number in range(5)]
    assert list(place.keys("builds/", after="builds/2", page=2)) == ["builds/3", "builds/4"]
