"""The contract suite of Bucket: reads return earlier writes, and a conditional write succeeds once."""

import threading

import pytest

from boatyard_serverless.memory import MemoryBucket
from boatyard_serverless.ports import Bucket


@pytest.fixture
def objects() -> Bucket:
    return MemoryBucket()


def test_what_was_put_is_read_and_what_was_not_is_not_there(objects: Bucket) -> None:
    assert objects.get("a/b") is None and not objects.has("a/b")
    objects.put("a/b", b"one")
    assert objects.has("a/b") and not objects.has("a")
    objects.put("a/b", b"two")
    stored = objects.get("a/b")
    assert stored and stored.body == b"two" and stored.version
    objects.put("empty", b"")
    stored = objects.get("empty")
    assert stored and stored.body == b""


def test_an_object_is_created_once(objects: Bucket) -> None:
    version = objects.create("k", b"one")
    assert version
    assert objects.create("k", b"two") is None
    stored = objects.get("k")
    assert stored and stored.body == b"one" and stored.version == version


def test_a_replacement_needs_the_version_that_is_there(objects: Bucket) -> None:
    first = objects.create("k", b"one")
    assert first
    second = objects.replace("k", b"two", first)
    assert second and second != first
    assert objects.replace("k", b"three", first) is None
    stored = objects.get("k")
    assert stored and (stored.body, stored.version) == (b"two", second)
    assert objects.replace("gone", b"x", first) is None and not objects.has("gone")


def test_what_is_deleted_can_be_created_again(objects: Bucket) -> None:
    objects.delete("k")
    version = objects.create("k", b"one")
    objects.delete("k")
    assert objects.get("k") is None
    assert version and objects.replace("k", b"two", version) is None
    assert objects.create("k", b"three")


def test_keys_come_in_the_order_of_their_bytes_behind_a_place(objects: Bucket) -> None:
    names = ["p/1", "p/10", "p/2", "p/a/b", "p/B", "p/ä", "q/1", "p"]
    for name in names:
        objects.put(name, b"")
    expected = sorted((name for name in names if name.startswith("p/")), key=str.encode)
    for page in (1, 2, 1000):
        assert list(objects.keys("p/", page=page)) == expected
        assert list(objects.keys("p/", after="p/10", page=page)) == expected[expected.index("p/10") + 1 :]
    assert list(objects.keys("p/", after="p/11")) == expected[expected.index("p/2") :], "a place need not be a key"
    assert list(objects.keys("none/")) == []


def test_folders_are_told_once_each(objects: Bucket) -> None:
    for name in ("p/a/1", "p/a/2/3", "p/b/1", "p/c", "q/d/1"):
        objects.put(name, b"")
    assert sorted(objects.folders("p/")) == ["a", "b"]
    assert list(objects.folders("none/")) == []


@pytest.mark.parametrize("key", ["specs/ml/dev/a b.json", "x/ü%2F+&=?.json", "x/" + "k" * 500])
def test_a_key_is_any_text(objects: Bucket, key: str) -> None:
    objects.put(key, b"1")
    assert objects.has(key) and list(objects.keys("")) == [key]
    objects.delete(key)
    assert not objects.has(key)


def test_of_many_at_once_one_creates_and_one_replaces(objects: Bucket) -> None:
    def race(write: "object") -> int:
        won: list[str] = []
        barrier = threading.Barrier(8)

        def run(number: int) -> None:
            barrier.wait()
            if version := write(b"%d" % number):  # type: ignore[operator]
                won.append(version)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(won)

    assert race(lambda body: objects.create("k", body)) == 1
    stored = objects.get("k")
    assert stored
    # Another body than the one that is there: an ETag is made of the bytes, and would stay the same.
    assert race(lambda body: objects.replace("k", b"again " + body, stored.version)) == 1
