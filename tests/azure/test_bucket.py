"""Blob Storage beyond the contract: lost answers, a container that is missing, denials, lists that cannot be read."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.rest import AzureRest
from boatyard_azure.xml import UnreadableXml, document, parse
from tests.azure.azurite import ACCOUNT
from tests.azure.storage import Storage


def test_whose_create_succeeded_learns_so_after_a_lost_answer(bucket: BlobBucket, storage: Storage) -> None:
    storage.blob.fail("PUT", 503, times=1, done=True)
    version = bucket.create("started", b"mine")
    stored = bucket.get("started")
    assert stored and version == stored.version


def test_a_lost_answer_makes_nobody_elses_blob_ours(bucket: BlobBucket, storage: Storage) -> None:
    assert bucket.create("started", b"theirs")
    storage.blob.fail("PUT", 503, times=1)
    assert bucket.create("started", b"theirs") is None


def test_whose_replacement_succeeded_learns_so_after_a_lost_answer(bucket: BlobBucket, storage: Storage) -> None:
    first = bucket.create("record", b"1")
    assert first
    storage.blob.fail("PUT", 500, times=1, done=True)
    second = bucket.replace("record", b"2", first)
    stored = bucket.get("record")
    assert stored and stored.version == second and stored.body == b"2"


def test_writes_that_come_too_fast_are_made_again(bucket: BlobBucket, storage: Storage) -> None:
    storage.blob.fail("PUT", 503, "ServerBusy", times=2)
    bucket.put("progress", b"1")
    assert bucket.has("progress")


def test_a_container_that_is_missing_is_no_missing_blob(rest: AzureRest, storage: Storage) -> None:
    missing = BlobBucket(rest, ACCOUNT, "no-such-container")
    for act in (
        lambda: missing.get("k"),
        lambda: missing.has("k"),
        lambda: missing.delete("k"),
        lambda: missing.put("k", b""),
        lambda: missing.create("k", b""),
        lambda: missing.replace("k", b"", '"0x1"'),
        lambda: list(missing.keys("")),
    ):
        with pytest.raises(BoatyardError, match=r"container no-such-container .* with 404 ContainerNotFound") as caught:
            act()
        assert caught.value.code == "DATAPLANE_UNAVAILABLE"


def test_a_lease_is_no_lost_race(bucket: BlobBucket, storage: Storage) -> None:
    """Somebody holds the blob: who may write it is not decided, so nobody is told that another was quicker."""
    version = bucket.create("record", b"1")
    assert version
    storage.blobs.get_blob_client(bucket.container, "record").acquire_lease(15)
    with pytest.raises(BoatyardError, match="412 LeaseIdMissing") as caught:
        bucket.replace("record", b"2", version)
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("act", "verb", "action"),
    [
        (lambda bucket: bucket.get("k"), "GET", "read"),
        (lambda bucket: bucket.has("k"), "HEAD", "read"),
        (lambda bucket: bucket.put("k", b""), "PUT", "write"),
        (lambda bucket: bucket.create("k", b""), "PUT", "write"),
        (lambda bucket: bucket.delete("k"), "DELETE", "delete"),
        (lambda bucket: list(bucket.keys("")), "GET", "read"),
        (lambda bucket: list(bucket.folders("")), "GET", "read"),
    ],
)
def test_a_denial_names_what_to_grant(
    bucket: BlobBucket, storage: Storage, act: "object", verb: str, action: str
) -> None:
    storage.blob.fail(verb, 403, "AuthorizationPermissionMismatch")
    with pytest.raises(BoatyardError, match=f"containers/blobs/{action} on container {bucket.container}") as caught:
        act(bucket)  # type: ignore[operator]
    assert caught.value.code == "DATAPLANE_DENIED"
    assert '--role "Storage Blob Data Contributor" --scope $(az storage account show' in caught.value.detail
    assert caught.value.detail.endswith(f"containers/{bucket.container}")


def test_a_store_that_is_down_is_neither(bucket: BlobBucket, storage: Storage) -> None:
    bucket.put("k", b"")
    storage.blob.fail("GET", 503)
    storage.blob.fail("HEAD", 503)
    for ask in (lambda: bucket.get("k"), lambda: bucket.has("k"), lambda: list(bucket.keys(""))):
        with pytest.raises(BoatyardError) as caught:
            ask()
        assert caught.value.code == "DATAPLANE_UNAVAILABLE"


def test_azures_own_client_reads_what_we_write_and_we_what_it_writes(bucket: BlobBucket, storage: Storage) -> None:
    version = bucket.create("a b/ü%2F.json", b"ours")
    theirs = storage.blobs.get_blob_client(bucket.container, "a b/ü%2F.json")
    assert theirs.download_blob().readall() == b"ours" and theirs.get_blob_properties().etag == version
    theirs.upload_blob(b"theirs", overwrite=True)
    stored = bucket.get("a b/ü%2F.json")
    assert stored and stored.body == b"theirs" and stored.version == theirs.get_blob_properties().etag


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, b"", b"<a>", b"{}", b"\xff\xfe", b"<a>" * 100 + b"</a>" * 100])
def test_what_is_no_answer_of_storage_is_refused(text: bytes) -> None:
    with pytest.raises(UnreadableXml):
        parse(text)


def test_a_document_holds_any_text() -> None:
    assert parse(document("A", B="<x>&amp; ü")).findtext("B") == "<x>&amp; ü"
