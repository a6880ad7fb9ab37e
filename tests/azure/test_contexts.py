"""User-delegation SAS of contexts: what a URL allows, and that Azure's own client signs the same."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from azure.storage.blob import UserDelegationKey, generate_blob_sas

from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard_azure import delegation
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.contexts import BlobContextStore
from boatyard_azure.delegation import DelegatedUrls
from boatyard_azure.rest import AzureRest
from tests.azure.storage import Storage
from tests.azure.tls import Given
from tests.azure.uploads import Uploads
from tests.contract.test_context_store import DATA, SHA256


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(time.time())


@pytest.fixture
def store(bucket: BlobBucket, rest: AzureRest, clock: ManualClock) -> BlobContextStore:
    return BlobContextStore(rest, bucket.account, bucket.container, clock)


@pytest.fixture
def uploads(store: BlobContextStore, tmp_path: Path, ca_file: Path) -> Uploads:
    return Uploads(store, tmp_path, ca_file)


def keys_asked_for(storage: Storage) -> int:
    return sum("userdelegationkey" in asked.target for asked in storage.blob.calls)


def test_one_key_signs_many_urls_and_no_account_key_any(
    store: BlobContextStore, storage: Storage, clock: ManualClock
) -> None:
    upload = store.upload(SHA256, len(DATA))
    clock.sleep(3600)
    store.download_url(SHA256), store.refusal_url(SHA256)
    assert keys_asked_for(storage) == 1
    query = parse_qs(urlsplit(upload.upload_url).query)
    assert query["sp"] == ["c"] and query["spr"] == ["https"] and query["sr"] == ["b"] and query["skoid"]


def test_no_url_outlives_its_key(store: BlobContextStore, storage: Storage, clock: ManualClock) -> None:
    for _ in range(30):
        query = parse_qs(urlsplit(store.download_url(SHA256)).query)
        assert query["se"] <= query["ske"]
        clock.sleep(3600)
    assert keys_asked_for(storage) == 2


def test_a_clock_that_was_set_back_gets_a_key_of_its_own(rest: AzureRest, bucket: BlobBucket, storage: Storage) -> None:
    urls, now = DelegatedUrls(rest, bucket), time.time()
    urls.url("a", "r", now=now, seconds=60)
    query = parse_qs(urlsplit(urls.url("a", "r", now=now - 7200, seconds=60)).query)
    assert query["skt"] < query["se"] and keys_asked_for(storage) == 2


def test_an_upload_url_creates_and_does_nothing_else(
    store: BlobContextStore, uploads: Uploads, bucket: BlobBucket
) -> None:
    upload = store.upload(SHA256, len(DATA))
    assert uploads.send(upload.upload_url, DATA, upload.headers).status_code == 201
    without = {"x-ms-blob-type": "BlockBlob"}
    assert uploads.send(upload.upload_url, b"other", without).status_code == 403, "the header is not what protects it"
    assert uploads.read(upload.upload_url).status_code == 403
    stored = bucket.get(f"contexts/{SHA256}.tar.gz")
    assert stored and stored.body == DATA
    assert uploads.read(store.download_url(SHA256)).content == DATA
    assert uploads.send(store.download_url(SHA256), b"x", without).status_code == 403


@pytest.mark.parametrize("part", ["sig", "se", "sp", "skoid", "ske"])
def test_a_changed_url_is_worth_nothing(store: BlobContextStore, uploads: Uploads, part: str) -> None:
    upload = store.upload(SHA256, len(DATA))
    parts = urlsplit(upload.upload_url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    changed = {"sp": "rcwd"}.get(part) or query[part][:-2] + ("00" if query[part][-2:] != "00" else "11")
    url = upload.upload_url.replace(parts.query, urlencode({**query, part: changed}))
    assert uploads.send(url, DATA, upload.headers).status_code in (400, 403) and not store.has(SHA256)


def test_azures_own_client_makes_the_same_signature(
    rest: AzureRest, bucket: BlobBucket, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """The client's version of the protocol is newer and signs one line more, so it is asked for the text it signs."""
    urls = DelegatedUrls(rest, bucket)
    made = parse_qs(urlsplit(urls.url("a/b", "r", now=clock.now(), seconds=60)).query)
    assert urls._key
    key = UserDelegationKey()
    key.signed_oid, key.signed_tid = urls._key.object_id, urls._key.tenant
    key.signed_start, key.signed_expiry = urls._key.start, urls._key.end
    key.signed_service, key.signed_version = urls._key.service, urls._key.version
    key.signed_delegated_user_tid = None
    key.value = "a2V5"
    theirs: list[str] = []
    generate_blob_sas(
        bucket.account,
        bucket.container,
        "a/b",
        user_delegation_key=key,
        permission="r",
        expiry=made["se"][0],
        protocol="https",
        sts_hook=theirs.append,
    )
    ours = delegation.text_to_sign(bucket.account, bucket.container, "a/b", "r", made["se"][0], urls._key)
    lines = theirs[0].split("\n")
    assert lines[4:10] == ours.split("\n")[4:10] and lines[:4] == ours.split("\n")[:4]


@pytest.mark.parametrize("body", [b"", b"<UserDelegationKey/>", b"<Key><Value>%</Value></Key>"])
def test_a_key_that_cannot_be_read_signs_nothing(
    store: BlobContextStore, storage: Storage, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(storage.blob, "_forward", lambda asked: Given(200, body))
    with pytest.raises(BoatyardError, match="its key cannot be read") as caught:
        store.download_url(SHA256)
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"


def test_who_may_delegate_nothing_is_told_the_role(store: BlobContextStore, storage: Storage) -> None:
    storage.blob.fail("POST", 403, "AuthorizationPermissionMismatch")
    with pytest.raises(BoatyardError, match=r'generateUserDelegationKey.*--role "Storage Blob Delegator"') as caught:
        store.download_url(SHA256)
    assert caught.value.code == "DATAPLANE_DENIED"
