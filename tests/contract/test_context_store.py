"""The contract suite of ContextStore: an archive exists once its bytes are complete, and has only those bytes."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock, MemoryContextStore
from boatyard.ports import ContextStore, Upload
from boatyard_local.contexts import FileContextStore
from boatyard_local.upload_url import UploadUrls

DATA = b"not really a tar.gz" * 100
SHA256 = hashlib.sha256(DATA).hexdigest()


class Case(NamedTuple):
    store: ContextStore
    clock: ManualClock
    put: Callable[[Upload, bytes], None]
    """What a caller does with the upload URL."""


def memory(path: Path) -> Case:
    clock = ManualClock()
    store = MemoryContextStore(clock)
    return Case(store, clock, store.receive)


def files(path: Path) -> Case:
    clock = ManualClock()
    urls = UploadUrls("http://127.0.0.1:1", b"k" * 32)
    store = FileContextStore(path / "contexts", clock, urls).open()

    def put(upload: Upload, data: bytes) -> None:
        parts = urlsplit(upload.upload_url)
        announced = urls.check(parts.path, dict(parse_qsl(parts.query)), clock)
        with store.receive(announced.sha256, announced.size) as receiving:
            receiving.write(data)
            receiving.commit()

    return Case(store, clock, put)


@pytest.fixture(params=[memory, files], ids=["memory", "local"])
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    case: Case = request.param(tmp_path)
    return case


def test_an_archive_is_there_once_it_was_uploaded(it: Case) -> None:
    assert not it.store.has(SHA256)
    upload = it.store.upload(SHA256, len(DATA))
    assert not it.store.has(SHA256) and upload.expires_at > it.clock.now()
    it.put(upload, DATA)
    assert it.store.has(SHA256) and SHA256 in it.store.download_url(SHA256)


def test_the_same_again_is_welcome(it: Case) -> None:
    upload = it.store.upload(SHA256, len(DATA))
    it.put(upload, DATA)
    it.put(upload, DATA)
    assert it.store.has(SHA256)


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"x", b"x" * len(DATA)], ids=["none", "less", "more", "other"])
def test_other_bytes_are_refused_and_the_next_try_works(it: Case, data: bytes) -> None:
    upload = it.store.upload(SHA256, len(DATA))
    with pytest.raises(BoatyardError) as refused:
        it.put(upload, data)
    assert refused.value.code == "CONTEXT_INVALID"
    assert not it.store.has(SHA256)
    it.put(upload, DATA)
    assert it.store.has(SHA256)


def test_an_upload_url_expires(it: Case) -> None:
    upload = it.store.upload(SHA256, len(DATA))
    it.clock.sleep(upload.expires_at - it.clock.now())
    with pytest.raises(BoatyardError) as refused:
        it.put(upload, DATA)
    assert refused.value.code == "FORBIDDEN" and not it.store.has(SHA256)


def test_an_upload_url_is_good_for_one_archive_only(it: Case) -> None:
    upload = it.store.upload(SHA256, len(DATA))
    other = "0" * 64
    forged = Upload(upload_url=upload.upload_url.replace(SHA256, other), headers={}, expires_at=upload.expires_at)
    with pytest.raises(BoatyardError) as refused:
        it.put(forged, DATA)
    assert refused.value.code == "FORBIDDEN" and not it.store.has(other)
