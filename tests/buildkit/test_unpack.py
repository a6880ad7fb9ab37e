import os
import stat
import tarfile
from pathlib import Path

import pytest

from boatyard.archive import ArchiveBounds
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
        unpack(place(tmp_path, archive), tmp_path / "context", ArchiveBounds(), trees or {})
    assert not (tmp_path / "context").exists()
    return caught.value


def test_the_files_are_what_was_packed(tmp_path: Path) -> None:
    archive, context = pack(FILES, (".", "app", "link", "app/run.sh"))
    folder = tmp_path / "context"
    unpack(place(tmp_path, archive), folder, ArchiveBounds(), context.trees)
    assert (folder / "app/run.sh").read_bytes() == b"#!/bin/sh\n"
    assert (folder / "link").readlink() == Path("app/data.txt")


def test_modes_are_those_of_the_archive_whatever_the_umask(tmp_path: Path) -> None:
    wanted = {"a": 0o4755, "b": 0o600, "c": 0o700, "d": 0o444, "private": 0o700, "sticky": 0o1777, "pipe": 0o620}
    kinds = {"private": tarfile.DIRTYPE, "sticky": tarfile.DIRTYPE, "pipe": tarfile.FIFOTYPE}
    members = [raw(name, kinds.get(name, tarfile.REGTYPE), mode=mode) for name, mode in wanted.items()]
    previous = os.umask(0o077)
    try:
        unpack(place(tmp_path, close(*members)), tmp_path / "context", ArchiveBounds(), {})
    finally:
        os.umask(previous)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "context").iterdir()}
    assert modes == wanted
    assert (tmp_path / "context/pipe").is_fifo()


def test_a_setuid_program_is_nobodys_to_run_before_everything_is_checked(tmp_path: Path) -> None:
    seen: list[int] = []

    def written(size: int) -> None:
        seen.extend(path.lstat().st_mode & 0o7077 for path in (tmp_path / "context").iterdir())

    unpack(
        place(tmp_path, close(raw("a", mode=0o6777, data=b"1"), raw("d", tarfile.DIRTYPE, mode=0o1777), raw("z"))),
        tmp_path / "context",
        ArchiveBounds(),
        {},
        written=written,
    )
    assert seen and set(seen) == {0}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "sub/../../../outside", "nothing at all"])
def test_links_may_lead_anywhere_and_nothing_is_written_or_changed_there(tmp_path: Path, target: str) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    outside.chmod(0o640)
    before = (outside.stat(), Path("/etc/passwd").stat())
    archive, context = pack({"sub/x": b"1", "l": Link(target)}, (".",))
    unpack(place(tmp_path, archive), tmp_path / "context", ArchiveBounds(), context.trees)
    assert str((tmp_path / "context/l").readlink()) == target
    assert (outside.stat(), Path("/etc/passwd").stat()) == before


@pytest.mark.parametrize("link", ["/tmp", "../outside", "."])
def test_nothing_is_written_through_a_link(tmp_path: Path, link: str) -> None:
    (tmp_path / "outside").mkdir()
    for member in (raw("l/evil", data=b"x"), raw("l", data=b"x"), raw("l", tarfile.DIRTYPE)):
        refuse(tmp_path, close(raw("l", tarfile.SYMTYPE, link=link), member))
    assert list((tmp_path / "outside").iterdir()) == []


def test_who_is_not_root_hears_of_what_it_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    error = refuse(tmp_path, close(raw("mine", mode=0o044)))
    assert error.code == "UNSUPPORTED" and "'mine' has mode 0044" in error.detail


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
    """BuildKit compares path, size and time with files that any earlier build sent."""
    times = []
    for name, content in (("one", b"aaaa"), ("two", b"aaaa"), ("three", b"bbbb")):
        (tmp_path / name).mkdir()
        archive, context = pack({"f": content, "g": b"same"})
        unpack(place(tmp_path / name, archive), tmp_path / name / "context", ArchiveBounds(), context.trees)
        times.append(
            ((tmp_path / name / "context/f").stat().st_mtime_ns, (tmp_path / name / "context/g").stat().st_mtime_ns)
        )
    assert times[0] == times[1]
    assert times[0][0] != times[2][0]
    assert times[0][1] == times[2][1]


def test_every_time_is_one_that_a_zip_file_can_carry_and_that_has_passed(tmp_path: Path) -> None:
    archive, context = pack({f"d{i}/f": bytes([i]) for i in range(50)} | {"l": Link("d1")})
    unpack(place(tmp_path, archive), tmp_path / "context", ArchiveBounds(), context.trees)
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
        unpack(place(tmp_path, archive), tmp_path / "context", ArchiveBounds(), context.trees, written=written)
    assert caught.value.code == "DISK_FULL"
    assert not (tmp_path / "context").exists()


def test_announcing_no_trees_checks_none(tmp_path: Path) -> None:
    archive = close(raw("a", data=b"x"))
    unpack(place(tmp_path, archive), tmp_path / "context", ArchiveBounds(), announce(archive).trees)
    assert (tmp_path / "context/a").read_bytes() == b"x"


def test_folders_nested_without_end_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    archive = close(raw("d/" * 1500, tarfile.DIRTYPE))
    assert len(archive) < 300, "this is all that it takes to send"
    assert "nested deeper" in refuse(tmp_path, archive).detail
