"""A file that changes while the context is read is detected, whenever it happens.

The packer reports progress after each file. These tests change files at that moment, so nothing here depends on time.
`1-now` is read first, `2-later` second; `0` is the folder.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard_client.errors import ContextChangedError
from boatyard_client.packing import Packer, ReadingProgress
from boatyard_client.packing import writer as writing
from tests.client.trees import make


def pack_while(folder: Path, change: Callable[[Path], object], *, after: int = 1) -> None:
    source = make(folder / "src", {"1-now": b"first", "2-later": b"second", "sub": {"3": b"third"}})

    def act(progress: ReadingProgress) -> None:
        if progress.files == after:
            change(source)

    packer = Packer(progress=act)
    packer.add("0", source)
    packer.pack().close()


def replace(path: Path) -> None:
    """Replaces the file by another one with the same bytes, as editors do."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)


def rewrite_and_set_the_time_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda src: (src / "2-later").write_bytes(b"longer than it was"),
        lambda src: (src / "2-later").write_bytes(b""),
        lambda src: (src / "2-later").unlink(),
        lambda src: (src / "2-later").chmod(0o755),
        lambda src: replace(src / "2-later"),
        lambda src: rewrite_and_set_the_time_back(src / "2-later"),
        lambda src: (src / "1-now").write_bytes(b"FIRST"),
        lambda src: (src / "1-now").unlink(),
        lambda src: rewrite_and_set_the_time_back(src / "1-now"),
        lambda src: (src / "4-new").write_bytes(b"1"),
        lambda src: (src / "sub" / "new").write_bytes(b"1"),
        lambda src: (src / "sub").rename(src / "sub2"),
        lambda src: [(src / "2-later").unlink(), (src / "2-later").mkdir()],
        lambda src: [(src / "2-later").unlink(), os.mkfifo(src / "2-later")],
    ],
)
def test_a_change_between_two_files_is_noticed(change: Callable[[Path], object], folder: Path) -> None:
    with pytest.raises(ContextChangedError, match=r"changed while it was read; run again"):
        pack_while(folder, change)


def test_a_change_after_the_last_file_is_noticed(folder: Path) -> None:
    with pytest.raises(ContextChangedError, match="1-now changed"):
        pack_while(folder, lambda src: (src / "1-now").write_bytes(b"FIRST"), after=3)


@pytest.mark.parametrize("size", [0, 10, 3 * 1024 * 1024])
def test_a_change_in_the_middle_of_a_file_is_noticed(size: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's reader writes to the file between two pieces."""
    source = make(folder / "src", {"big": b"x" * (2 * 1024 * 1024)})
    real = writing._Reader.read
    done = False

    def read(self: writing._Reader, count: int = -1, /) -> bytes:
        nonlocal done
        data = real(self, min(count, 4096) if count > 0 else count)
        if not done:
            done = True
            (source / "big").write_bytes(b"y" * size)
        return data + (real(self, count - len(data)) if count > len(data) else b"")

    monkeypatch.setattr(writing._Reader, "read", read)
    packer = Packer()
    packer.add("0", source)
    with pytest.raises(ContextChangedError, match="big changed while it was read"):
        packer.pack()


def test_what_is_ignored_may_change(folder: Path) -> None:
    source = make(folder / "src", {"a": b"1", "cache": {"x": b"1"}})
    packer = Packer(progress=lambda _: (source / "cache" / "y").write_bytes(b"2"))
    packer.add("0", source, ignore=lambda path: path == "cache")
    packer.pack().close()
