"""The cache of files' digests is never wrong, and never required."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard_client.packing import Contents, Packer, hashing, reading, stat_cache
from boatyard_client.packing.item import Item


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches also small folders."""
    monkeypatch.setattr(stat_cache, "_WORTHWHILE_FILES", 1)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "boatyard" / "files"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files whose bytes were read."""
    names: list[str] = []
    real = hashing.hash_files

    def spy(items: list[Item], each: Callable[[Item], None]) -> list[str]:
        names.extend(Path(item.source).name for item in items)
        return real(items, each)

    monkeypatch.setattr(reading, "hash_files", spy)
    return names


def read(source: Path) -> Contents:
    packer = Packer()
    packer.add_build_context(source)
    return packer.read(["."])


def settled(source: Path, **files: bytes) -> Path:
    """A folder whose files are older than a tick of the file system's clock."""
    source.mkdir(exist_ok=True)
    for name, data in files.items():
        (source / name).write_bytes(data)
    time.sleep(stat_cache._TICK / 1e9 + 0.02)
    return source


def test_files_that_did_not_change_are_read_once(folder: Path, cache: Path, hashed: list[str]) -> None:
    source = settled(folder / "src", a=b"1", b=b"2")
    first = read(source)
    assert hashed == ["a", "b"]
    again = read(source)
    assert hashed == ["a", "b"]
    assert (again.entries, again.context) == (first.entries, first.context)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"2"),
        lambda path: path.chmod(0o600),
        lambda path: (path.with_name("new").write_bytes(b"1"), path.with_name("new").rename(path)),
        lambda path: os.utime(path, (1, 1)),
    ],
    ids=["written", "mode", "replaced", "touched"],
)
def test_a_file_that_may_have_changed_is_read_again(
    change: Callable[[Path], object], folder: Path, cache: Path, hashed: list[str]
) -> None:
    source = settled(folder / "src", a=b"1", b=b"2")
    read(source)
    change(source / "a")
    del hashed[:]
    read(source)
    assert hashed == ["a"]


def test_a_file_of_the_same_size_and_time_is_read_again(folder: Path, cache: Path) -> None:
    """tar, rsync and copies that keep times create such files: only the change time differs."""
    source = settled(folder / "src", a=b"1")
    before = read(source).context
    times = (source / "a").stat()
    (source / "a").write_bytes(b"2")
    os.utime(source / "a", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert read(source).context != before


def test_a_file_that_was_written_a_moment_ago_is_not_remembered(folder: Path, cache: Path, hashed: list[str]) -> None:
    """Within one tick a second write would look the same (git: racily clean)."""
    source = settled(folder / "src", a=b"1")
    (source / "b").write_bytes(b"2")
    read(source)
    read(source)
    assert hashed == ["a", "b", "b"]


def test_it_is_the_users_own(folder: Path, cache: Path) -> None:
    read(settled(folder / "src", a=b"1"))
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700
    document = json.loads(file.read_bytes())
    assert (document["format"], document["source"]) == (stat_cache.FORMAT, str(folder / "src"))
    assert list(document["files"]) == ["a"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-20]),
        lambda file: file.write_bytes(b"[" * 100_000),
        lambda file: file.write_bytes(file.read_bytes().replace(b"files/1", b"files/0")),
        lambda file: file.write_bytes(file.read_bytes().replace(b'"a":[[', b'"a":[["x",')),
        lambda file: file.chmod(0o644),
        lambda file: (file.unlink(), file.mkdir()),
        lambda file: (file.unlink(), os.mkfifo(file)),
        lambda file: (file.rename(file.with_name("other")), file.symlink_to("other")),
    ],
    ids=["empty", "cut", "nested", "format", "types", "readable by others", "folder", "fifo", "link"],
)
def test_what_is_damaged_or_not_private_counts_as_nothing(
    damage: Callable[[Path], object], folder: Path, cache: Path, hashed: list[str]
) -> None:
    source = settled(folder / "src", a=b"1")
    expected = read(source).context
    (file,) = cache.iterdir()
    damage(file)
    assert read(source).context == expected
    assert hashed == ["a", "a"]


def test_without_a_folder_for_it_everything_works(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "file"))
    assert read(settled(folder / "src", a=b"1")).context == read(folder / "src").context


def test_a_folder_under_another_name_has_its_own(folder: Path, cache: Path, hashed: list[str]) -> None:
    source = settled(folder / "src", a=b"1")
    before = read(source).context
    source.rename(folder / "moved")
    settled(folder / "src", a=b"2")
    assert read(folder / "moved").context == before != read(folder / "src").context


def test_there_are_never_more_than_a_few(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stat_cache, "_MOST_SOURCES", 3)
    for number in range(5):
        read(settled(folder / f"src{number}", a=b"1"))
    assert len(list(cache.iterdir())) == 3


def test_many_at_once_leave_a_whole_file(folder: Path, cache: Path) -> None:
    source = settled(folder / "src", **{f"f{number}": bytes([number]) for number in range(50)})
    found: list[object] = []

    def run() -> None:
        for _ in range(5):
            found.append(read(source).context)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 30 and all(one == found[0] for one in found)
    assert [path.suffix for path in cache.iterdir()] == [".json"]


def test_hundreds_of_files_are_hashed_as_one_by_one(folder: Path) -> None:
    """Batches of all sizes return in order."""
    source = folder / "src"
    source.mkdir()
    for number in range(500):
        (source / f"{number:03}").write_bytes(bytes([number % 251]) * (number * 37 % 5000))
    packer = Packer()
    packer.add_build_context(source)
    items = packer._collect()
    assert hashing.hash_files(items, lambda item: None) == [hashing.hash_file(item) for item in items]
