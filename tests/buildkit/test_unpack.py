import os
import stat
import tarfile
from pathlib import Path

import pytest

from boatyard.archive import Bounds
from boatyard.errors import BoatyardError
from boatyard_buildkit.unpack import unpack
from tests.buildkit.archives import Link, announce, close, pack, raw

FILES = {"app/run.sh": b"#!/bin/sh\n", "app/data.txt": b"data", "link": Link("app/data.txt")}


def place(tmp_path: Path, archive: bytes) -> Path:
    path = tmp_path / "archive"
    path.write_bytes(archive)
    return path


def refuse(tmp_path: Path, archive: bytes, trees: dict[str, str] | None = None) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        unpack(place(tmp_path, archive), tmp_path / "context", Bounds(), trees or {})
    assert not (tmp_path / "context").exists()
    return caught.value


def test_the_files_are_what_was_packed(tmp_path: Path) -> None:
    archive, context = pack(FILES, (".", "app", "link", "app/run.sh"))
    folder = tmp_path / "context"
    unpack(place(tmp_path, archive), folder, Bounds(), context.trees)
    assert (folder / "app/run.sh").read_bytes() == b"#!/bin/sh\n"
    assert (folder / "link").readlink() == Path("app/data.txt")


def test_modes_are_normalised(tmp_path: Path) -> None:
    members = close(raw("a", mode=0o4777), raw("b", mode=0o600), raw("c", mode=0o700))
    previous = os.umask(0o077)
    try:
        unpack(place(tmp_path, members), tmp_path / "context", Bounds(), {})
    finally:
        os.umask(previous)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "context").iterdir()}
    assert modes == {"a": 0o755, "b": 0o644, "c": 0o755}


def test_a_tree_that_differs_from_the_announced_one_is_refused(tmp_path: Path) -> None:
    archive, context = pack(FILES)
    error = refuse(tmp_path, archive, context.trees | {"app": "0" * 64})
    assert (error.code, "'app'" in error.detail) == ("CONTEXT_INVALID", True)


def test_a_tree_that_is_not_there_is_refused(tmp_path: Path) -> None:
    archive, _ = pack(FILES)
    assert refuse(tmp_path, archive, {"nope": "0" * 64}).code == "CONTEXT_INVALID"


def test_a_refused_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    error = refuse(tmp_path, close(raw("good"), raw("l", b"2", link="../outside"), raw("l/evil")))
    assert "'l'" in error.detail
    assert list(outside.iterdir()) == []


def test_equal_content_has_an_equal_time_and_other_content_another(tmp_path: Path) -> None:
    """BuildKit compares path, size and time with what it was sent before, by whichever build."""
    times = []
    for name, content in (("one", b"aaaa"), ("two", b"aaaa"), ("three", b"bbbb")):
        (tmp_path / name).mkdir()
        archive, context = pack({"f": content, "g": b"same"})
        unpack(place(tmp_path / name, archive), tmp_path / name / "context", Bounds(), context.trees)
        times.append(
            ((tmp_path / name / "context/f").stat().st_mtime_ns, (tmp_path / name / "context/g").stat().st_mtime_ns)
        )
    assert times[0] == times[1]
    assert times[0][0] != times[2][0]
    assert times[0][1] == times[2][1]


def test_every_time_is_one_that_a_zip_file_can_carry_and_that_has_passed(tmp_path: Path) -> None:
    archive, context = pack({f"d{i}/f": bytes([i]) for i in range(50)} | {"l": Link("d1")})
    unpack(place(tmp_path, archive), tmp_path / "context", Bounds(), context.trees)
    times = [
        os.lstat(Path(root) / name).st_mtime
        for root, folders, files in os.walk(tmp_path / "context")
        for name in (*folders, *files)
    ]
    assert min(times) >= 315_619_200 and max(times) < 1_577_836_800
    assert max(times) - min(times) > 20 * 365 * 24 * 3600, "the range is what keeps a second file of one time away"


def test_what_is_written_is_counted_before(tmp_path: Path) -> None:
    archive, context = pack({"a": b"x" * 100, "b": b"y" * 1000})

    def written(size: int) -> None:
        if size > 100:
            raise BoatyardError("DISK_FULL", "quota")

    with pytest.raises(BoatyardError) as caught:
        unpack(place(tmp_path, archive), tmp_path / "context", Bounds(), context.trees, written=written)
    assert caught.value.code == "DISK_FULL"
    assert not (tmp_path / "context").exists()


def test_announcing_no_trees_checks_none(tmp_path: Path) -> None:
    archive = close(raw("a", data=b"x"))
    unpack(place(tmp_path, archive), tmp_path / "context", Bounds(), announce(archive).trees)
    assert (tmp_path / "context/a").read_bytes() == b"x"


def test_folders_nested_without_end_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    archive = close(raw("d/" * 1500, tarfile.DIRTYPE))
    assert len(archive) < 300, "this is all that it takes to send"
    assert "nested deeper" in refuse(tmp_path, archive).detail
