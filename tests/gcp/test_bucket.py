"""Cloud Storage beyond the contract: lost answers, a missing bucket, denials."""

import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from tests.gcp.storage import Storage


def test_whose_create_succeeded_learns_so_after_a_lost_answer(bucket: GcsBucket, storage: Storage) -> None:
    storage.fail("POST", 503, times=1, done=True)
    version = bucket.create("started", b"mine")
    stored = bucket.get("started")
    assert stored and version == stored.version


def test_a_lost_answer_makes_nobody_elses_object_ours(bucket: GcsBucket, storage: Storage) -> None:
    assert bucket.create("started", b"theirs")
    storage.fail("POST", 503, times=1)
    assert bucket.create("started", b"theirs") is None


def test_whose_replacement_succeeded_learns_so_after_a_lost_answer(bucket: GcsBucket, storage: Storage) -> None:
    first = bucket.create("record", b"1")
    assert first
    storage.fail("POST", 500, times=1, done=True)
    second = bucket.replace("record", b"2", first)
    stored = bucket.get("record")
    assert stored and stored.version == second and stored.body == b"2"


def test_writes_that_come_too_fast_are_made_again(bucket: GcsBucket, storage: Storage) -> None:
    storage.fail("POST", 429, times=2)
    bucket.put("progress", b"1")
    assert bucket.has("progress")


@pytest.mark.parametrize("act", ["get", "has", "delete"])
def test_a_bucket_that_is_missing_is_not_an_object_that_is(rest: GoogleRest, storage: Storage, act: str) -> None:
    missing = GcsBucket(rest, "no-such-bucket")
    with pytest.raises(BoatyardError, match="bucket no-such-bucket with 404") as caught:
        getattr(missing, act)("key")
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"
    for write in (lambda: missing.create("k", b""), lambda: missing.put("k", b""), lambda: list(missing.keys(""))):
        with pytest.raises(BoatyardError, match="404"):
            write()


def test_the_bucket_is_looked_for_once(bucket: GcsBucket, storage: Storage) -> None:
    storage.calls.clear()
    for _ in range(3):
        assert bucket.get("none") is None
    assert len(storage.calls) == 4


@pytest.mark.parametrize(
    ("act", "verb", "permission"),
    [
        (lambda bucket: bucket.get("k"), "GET", "storage.objects.get"),
        (lambda bucket: bucket.has("k"), "GET", "storage.objects.get"),
        (lambda bucket: bucket.put("k", b""), "POST", "storage.objects.create"),
        (lambda bucket: bucket.create("k", b""), "POST", "storage.objects.create"),
        (lambda bucket: bucket.delete("k"), "DELETE", "storage.objects.delete"),
        (lambda bucket: list(bucket.keys("")), "GET", "storage.objects.list"),
        (lambda bucket: list(bucket.folders("")), "GET", "storage.objects.list"),
    ],
)
def test_a_denial_names_what_to_grant(
    bucket: GcsBucket, storage: Storage, act: "object", verb: str, permission: str
) -> None:
    storage.fail(verb, 403)
    with pytest.raises(BoatyardError, match=permission) as caught:
        act(bucket)  # type: ignore[operator]
    assert caught.value.code == "DATAPLANE_DENIED"
    command = f"gcloud storage buckets add-iam-policy-binding gs://{bucket.name}"
    assert command in caught.value.detail and "roles/storage.objectUser" in caught.value.detail


def test_a_store_that_is_down_is_neither(bucket: GcsBucket, storage: Storage) -> None:
    bucket.put("k", b"")
    storage.fail("GET", 503)
    for ask in (lambda: bucket.get("k"), lambda: bucket.has("k"), lambda: list(bucket.keys(""))):
        with pytest.raises(BoatyardError) as caught:
            ask()
        assert caught.value.code == "DATAPLANE_UNAVAILABLE"
