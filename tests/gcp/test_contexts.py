"""Signed URLs of contexts equal those of Google's own signer, and allow only the announced upload."""

import hashlib
import time

import httpx
import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.contexts import GcsContextStore
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.signing import Signer
from boatyard_serverless.clock import SystemClock
from tests.gcp.iam import SIGN
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import EMAIL
from tests.gcp.storage import Storage

DATA = b"not really a tar.gz"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(storage: Storage, iam: ApiServer, bucket: GcsBucket, rest: GoogleRest) -> GcsContextStore:
    return GcsContextStore(rest, bucket.name, SystemClock())


def put(store: GcsContextStore, data: bytes = DATA, **headers: str) -> httpx.Response:
    upload = store.upload(SHA, len(DATA))
    return httpx.put(upload.upload_url, content=data, headers={**upload.headers, **headers})


def test_what_was_announced_is_taken_and_given_back(store: GcsContextStore) -> None:
    assert not store.has(SHA)
    assert put(store).status_code == 200
    assert store.has(SHA)
    assert httpx.get(store.download_url(SHA)).content == DATA


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"x"])
def test_another_length_is_refused(store: GcsContextStore, data: bytes) -> None:
    assert put(store, data).status_code == 400 and not store.has(SHA)


def test_what_is_there_is_not_written_over(store: GcsContextStore) -> None:
    upload = store.upload(SHA, len(DATA))
    assert put(store).status_code == 200
    assert httpx.put(upload.upload_url, content=b"x" * len(DATA), headers=upload.headers).status_code == 412
    assert httpx.get(store.download_url(SHA)).content == DATA


def test_headers_of_an_upload_are_signed(store: GcsContextStore) -> None:
    upload = store.upload(SHA, len(DATA))
    assert httpx.put(upload.upload_url, content=DATA).status_code == 400
    assert put(store, **{"x-goog-if-generation-match": "1"}).status_code == 403
    assert put(store, **{"x-goog-content-length-range": "0,999999"}).status_code == 403
    assert put(store, **{"x-goog-acl": "public-read"}).status_code == 400
    assert not store.has(SHA)


def test_a_url_is_for_one_method_and_one_archive(store: GcsContextStore) -> None:
    put(store)
    url = store.download_url(SHA)
    assert httpx.delete(url).status_code == 403
    assert httpx.get(url.replace(SHA, "0" * 64)).status_code == 403
    assert httpx.get(url.partition("?")[0]).status_code == 403
    assert httpx.get(url[:-4] + ("0000" if not url.endswith("0000") else "1111")).status_code == 403


@pytest.mark.parametrize(("seconds", "make"), [(3600, "upload"), (12 * 3600, "download")])
def test_a_url_expires(store: GcsContextStore, storage: Storage, seconds: int, make: str) -> None:
    url = store.download_url(SHA) if make == "download" else store.upload(SHA, 1).upload_url
    storage.ahead = seconds - 5
    verb = "GET" if make == "download" else "PUT"
    assert "ExpiredToken" not in httpx.request(verb, url).text
    storage.ahead = seconds + 5
    assert "ExpiredToken" in httpx.request(verb, url).text


def test_what_was_refused_is_removed_and_nothing_that_came_later(store: GcsContextStore) -> None:
    assert store.refusal_url(SHA) == ""
    put(store, b"x" * len(DATA))
    first, second = store.refusal_url(SHA), store.refusal_url(SHA)
    assert httpx.delete(first).is_success and not store.has(SHA)
    put(store)
    assert httpx.delete(second).status_code == 404 and store.has(SHA)


def test_a_digest_that_is_none_is_refused(store: GcsContextStore) -> None:
    for bad in ("../specs/x", "", "A" * 64):
        with pytest.raises(BoatyardError) as refused:
            store.upload(bad, 1)
        assert refused.value.code == "INVALID_SPEC"


@pytest.mark.parametrize("key", ["a b+ü.json", "x/%2F&=?#~.tgz", "a//b", "-_.~"])
def test_any_key_is_signed_as_google_signs_it(
    storage: Storage, iam: ApiServer, bucket: GcsBucket, rest: GoogleRest, key: str
) -> None:
    bucket.put(key, b"1")
    url = Signer(rest).url(
        "GET", bucket.name, key, now=time.time(), seconds=60, query={"response-content-type": "a/b c"}
    )
    assert httpx.get(url).content == b"1"


def test_a_denied_signature_names_what_to_grant(store: GcsContextStore, iam: ApiServer) -> None:
    iam.fail(SIGN, 403, "PERMISSION_DENIED", reason="IAM_PERMISSION_DENIED",
             info={"permission": "iam.serviceAccounts.signBlob"})  # fmt: skip
    with pytest.raises(BoatyardError, match="signBlob") as caught:
        store.download_url(SHA)
    assert caught.value.code == "DATAPLANE_DENIED"
    assert f"gcloud iam service-accounts add-iam-policy-binding {EMAIL}" in caught.value.detail
    assert "roles/iam.serviceAccountTokenCreator" in caught.value.detail


def test_an_account_that_is_named_signs(storage: Storage, iam: ApiServer, bucket: GcsBucket, rest: GoogleRest) -> None:
    other = GcsContextStore(rest, bucket.name, SystemClock(), account="other@p.iam.gserviceaccount.com")
    with pytest.raises(BoatyardError, match="other@p"):
        other.download_url(SHA)


def test_errors_show_no_url(store: GcsContextStore, iam: ApiServer) -> None:
    iam.fail(SIGN, 503, "UNAVAILABLE")
    with pytest.raises(BoatyardError) as caught:
        store.upload(SHA, 1)
    assert "X-Goog" not in str(caught.value) and caught.value.code == "DATAPLANE_UNAVAILABLE"
