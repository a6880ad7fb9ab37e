"""Contexts in files have file URLs, and are removed when they are unused."""

import hashlib
import os
import time
from pathlib import Path
from urllib.request import url2pathname

import pytest

from boatyard.errors import BoatyardError
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.housekeeping import Housekeeping
from boatyard_local.upload_url import UploadUrls, load_key
from tests.local.jobs import job, runner, tag


def make(path: Path) -> FileContextStore:
    return FileContextStore(path / "con texts", SystemClock(), UploadUrls("http://127.0.0.1:1", b"k" * 32)).open()


def put(store: FileContextStore, data: bytes, *, days: float = 0) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    with store.receive(sha256, len(data)) as receiving:
        receiving.write(data)
        receiving.commit()
    then = time.time() - days * 86_400
    os.utime(url2pathname(store.download_url(sha256).removeprefix("file://")), (then, then))
    return sha256


def test_the_download_url_is_the_file(tmp_path: Path) -> None:
    store = make(tmp_path)
    sha256 = put(store, b"data")
    url = store.download_url(sha256)
    assert url.startswith("file:///") and Path(url2pathname(url.removeprefix("file://"))).read_bytes() == b"data"


def test_what_nobody_asked_for_is_forgotten_but_not_what_a_build_reads(tmp_path: Path) -> None:
    store = make(tmp_path)
    old, used, young, asked = (put(store, name, days=8) for name in (b"old", b"used", b"young", b"asked"))
    put(store, b"young", days=6)
    assert store.has(asked)
    store.prune(days=7, keep={used})
    assert [store.has(sha256) for sha256 in (old, used, young, asked)] == [False, True, True, True]


def test_the_least_recently_used_makes_room_and_what_a_build_reads_stays(tmp_path: Path) -> None:
    urls = UploadUrls("http://127.0.0.1:1", b"k" * 32)
    kept: set[str] = set()
    store = FileContextStore(
        tmp_path / "con texts", SystemClock(), urls, most_bytes=100, read_by_builds=lambda: kept
    ).open()
    ages = {b"r": 4, b"o": 3, b"u": 2, b"y": 1}
    read, old, used, young = (put(store, name * 25, days=days) for name, days in ages.items())
    kept.add(read)
    assert store.has(used)
    new = put(store, b"n" * 30)
    assert [store.has(sha256) for sha256 in (read, old, young, used, new)] == [True, False, False, True, True]
    kept |= {used, new}
    with pytest.raises(BoatyardError) as refused:
        put(store, b"x" * 21)
    assert refused.value.code == "DISK_FULL" and "limits.contextStoreBytes" in refused.value.detail
    assert all(map(store.has, (read, used, new))) and len(list((tmp_path / "con texts").iterdir())) == 3


def test_housekeeping_knows_what_builds_read(tmp_path: Path) -> None:
    import msgspec

    from boatyard.context import Context
    from boatyard.job import JobContext

    store = make(tmp_path)
    sha256 = put(store, b"used", days=8)
    it = runner(tmp_path)
    context = JobContext(context=Context(sha256=sha256, size=4))
    build = it.ensure(lambda n: msgspec.structs.replace(job()(n), context=context), tag(), force=False).build
    housekeeping = Housekeeping(it, store)
    housekeeping.clean()
    assert [path.name[:64] for path in (tmp_path / "con texts").iterdir()] == [sha256]
    it.cancel(build.id)
    while not (now := it.status(build.id)) or not now.state.ended:
        time.sleep(0.01)
    housekeeping.clean()
    assert not store.has(sha256)
    it.close()


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "upload.key"
    key = load_key(path)
    assert load_key(path) == key and len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
