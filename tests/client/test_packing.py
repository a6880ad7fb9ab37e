"""The contents of a context."""

import os
import socket
from pathlib import Path

import pytest

from boatyard.archive import ArchiveBounds, Member, read_archive
from boatyard.context import Entry
from boatyard.spec import parse_spec
from boatyard.tree import content_digest, tree_of
from boatyard_client.errors import ContextError
from boatyard_client.packing import DockerIgnore, Packed, Packer, ReadingProgress, context_paths
from tests.client.trees import Tree, make


def packed_paths(packer: Packer) -> list[str]:
    with packer.pack() as packed:
        return [entry.path for entry in packed.contents.entries]


def read_back(packed: Packed) -> list[Entry]:
    entries: list[Entry] = []
    packed.file.seek(0)
    for member in read_archive(packed.file, ArchiveBounds()):
        entries.append(_entry(member))
    return entries


def _entry(member: Member) -> Entry:
    return member.entry(content_digest(member.data) if member.data else "")


def test_the_job_reads_back_what_the_client_packed(folder: Path) -> None:
    make(folder / "app", {"a.py": b"x", "run.sh*": b"#!/bin/sh\n", "deep": {"er": {"b": b""}}, "ü ñ\u3042": b"1"})
    packer = Packer()
    packer.add("0/app", folder / "app")
    packer.add("1/requirements.txt", folder / "app" / "a.py")
    packer.add_bytes("2/made", b"made")
    with packer.pack(["0/app", "1/requirements.txt", "2/made"]) as packed:
        entries = read_back(packed)
        assert tuple(entries) == packed.contents.entries
        assert packed.context.trees == {path: tree_of(entries, path) for path in packed.context.trees}
        assert packed.context.size == packed.file.seek(0, os.SEEK_END)
        packed.file.seek(0)
        assert content_digest(packed.file) == packed.context.sha256
    by_path = {entry.path: entry for entry in entries}
    assert {path: by_path[path].mode for path in ("0/app", "0/app/run.sh", "0/app/a.py", "2/made")} == {
        "0/app": 0o755,
        "0/app/run.sh": 0o755,
        "0/app/a.py": 0o644,
        "2/made": 0o644,
    }


def test_names_longer_than_a_tar_header_come_back(folder: Path) -> None:
    name = "é" * 100
    make(folder / "src", {name: {name: {name: b"deep"}}})
    packer = Packer()
    packer.add("0", folder / "src")
    with packer.pack() as packed:
        assert tuple(read_back(packed)) == packed.contents.entries


def test_a_file_keeps_its_place_among_others_and_parents_are_there_once(folder: Path) -> None:
    make(folder, {"a": b"1", "b": b"2"})
    packer = Packer()
    packer.add("0/x/a", folder / "a")
    packer.add("0/x/b", folder / "b")
    assert packed_paths(packer) == ["0", "0/x", "0/x/a", "0/x/b"]


def test_a_file_may_be_added_twice_but_not_two_files_as_one(folder: Path) -> None:
    make(folder, {"a": b"1", "b": b"2"})
    packer = Packer()
    packer.add("x", folder / "a")
    packer.add("x", folder / "a")
    assert packed_paths(packer) == ["x"]
    packer.add("x", folder / "b")
    with pytest.raises(ContextError, match="two sources have the path 'x'"):
        packer.pack()


def test_a_file_and_a_folder_cannot_share_a_path(folder: Path) -> None:
    make(folder, {"a": b"1", "d": {"b": b"2"}})
    packer = Packer()
    packer.add("x", folder / "a")
    packer.add("x/y", folder / "d")
    with pytest.raises(ContextError, match="'x' is a file and also a folder"):
        packer.pack()


@pytest.mark.parametrize("path", ["/etc", "a/../b", "", "a//b", "./a"])
def test_paths_of_the_context_are_plain(path: str, folder: Path) -> None:
    with pytest.raises(ContextError, match="not a path inside a context"):
        Packer().add(path, folder)


def test_links_to_files_are_followed_wherever_they_lead(folder: Path) -> None:
    make(folder, {"outside": b"out", "src": {"real": b"in", "sub": {"x": b"1"}}})
    (folder / "src" / "inner").symlink_to("real")
    (folder / "src" / "outer").symlink_to(folder / "outside")
    (folder / "src" / "to-folder").symlink_to("sub")
    (folder / "src" / "dangling").symlink_to("nothing")
    packer = Packer()
    packer.add("0", folder / "src")
    with packer.pack() as packed:
        kinds = {entry.path: (entry.kind, entry.size) for entry in packed.contents.entries}
        assert kinds["0/inner"] == ("file", 2)
        assert kinds["0/outer"] == ("file", 3)
        assert "0/to-folder" not in kinds and "0/dangling" not in kinds
        assert {Path(name).name for name in packed.contents.left_out} == {"to-folder", "dangling"}


def test_empty_folders_are_left_out_of_a_source_but_not_the_source_itself(folder: Path) -> None:
    make(folder / "src", {"empty": {}, "deep": {"empty": {}}})
    packer = Packer()
    packer.add("0", folder / "src")
    assert packed_paths(packer) == ["0"]


def test_the_state_of_a_server_is_never_part_of_a_context(folder: Path) -> None:
    """A server that runs in the folder stores secrets there and writes to it all the time."""
    state: Tree = {"secrets": {"default": {"development": {"TOKEN": b"private"}}}}
    make(folder / "src", {"a": b"1", ".boatyard": state, "deep": {".boatyard": state, "b": b"2"}})
    (folder / "src/.boatyard/link").symlink_to("/etc/passwd")
    for packer in (Packer(), Packer()):
        packer.add("0", folder / "src", ignore=DockerIgnore(["*", "!**"]))
        assert packed_paths(packer) == ["0", "0/a", "0/deep", "0/deep/b"]
    packer = Packer()
    packer.add_build_context(folder / "src")
    assert packed_paths(packer) == ["a", "deep", "deep/b"]


def test_a_build_context_keeps_links_and_empty_folders(folder: Path) -> None:
    make(folder / "src", {"empty": {}, "real": b"in", "sub": {"x": b"1"}})
    (folder / "src" / "sub" / "up").symlink_to("../real")
    packer = Packer()
    packer.add_build_context(folder / "src")
    with packer.pack(["."]) as packed:
        assert [(entry.path, entry.kind) for entry in packed.contents.entries] == [
            ("empty", "folder"),
            ("real", "file"),
            ("sub", "folder"),
            ("sub/up", "link"),
            ("sub/x", "file"),
        ]
        assert tuple(read_back(packed)) == packed.contents.entries


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside", "nothing"])
def test_a_build_context_keeps_links_wherever_they_lead(target: str, folder: Path) -> None:
    """As Docker does: a virtual environment beside a Dockerfile has links to the interpreter."""
    make(folder, {"outside": b"not part of it", "src": {"sub": {}}})
    (folder / "src" / "link").symlink_to(target)
    packer = Packer()
    packer.add_build_context(folder / "src")
    with packer.pack(["."]) as packed:
        assert [(entry.path, entry.kind, entry.content) for entry in packed.contents.entries] == [
            ("link", "link", target),
            ("sub", "folder", ""),
        ]
        assert tuple(read_back(packed)) == packed.contents.entries


def test_a_build_context_keeps_modes_and_a_source_folder_does_not(folder: Path) -> None:
    wanted = {"private": 0o600, "priv": 0o700, "ro": 0o444, "suid": 0o4755, "sgid": 0o2755, "sticky": 0o1777}
    make(folder / "src", {name: {} if name in ("priv", "sticky") else b"1" for name in wanted})
    for name, mode in wanted.items():
        (folder / "src" / name).chmod(mode)
    packer = Packer()
    packer.add_build_context(folder / "src")
    with packer.pack(["."]) as packed:
        assert {entry.path: entry.mode for entry in packed.contents.entries} == wanted
        assert tuple(read_back(packed)) == packed.contents.entries
    packer = Packer()
    packer.add("0", folder / "src")
    entries = packer.read().entries
    assert {entry.path: entry.mode for entry in entries if entry.kind == "file"} == {
        "0/private": 0o644,
        "0/ro": 0o644,
        "0/suid": 0o755,
        "0/sgid": 0o755,
    }


def test_a_build_context_has_fifos_and_no_sockets(folder: Path) -> None:
    make(folder / "src", {"a": b"1"})
    os.mkfifo(folder / "src" / "pipe", 0o640)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "src" / "s.sock"))
        packer = Packer()
        packer.add_build_context(folder / "src")
        with packer.pack(["."]) as packed:
            assert [(entry.path, entry.kind) for entry in packed.contents.entries] == [("a", "file"), ("pipe", "fifo")]
            assert tuple(read_back(packed)) == packed.contents.entries


def test_folders_nested_deeper_than_a_job_would_take_are_refused_here(folder: Path) -> None:
    (folder / "src" / ("d/" * 400)).mkdir(parents=True)
    make(folder / "src", {"a": b"1"})
    packer = Packer()
    packer.add("0", folder / "src")
    with pytest.raises(ContextError, match="nested deeper than 128 folders") as caught:
        packer.pack()
    assert "dockerignore" in caught.value.advice
    packer = Packer()
    packer.add("0", folder / "src", ignore=lambda path: path == "d")
    assert packed_paths(packer) == ["0", "0/a"]


def test_sockets_and_pipes_are_named_not_read(folder: Path) -> None:
    make(folder / "src", {"a": b"1"})
    os.mkfifo(folder / "src" / "pipe")
    packer = Packer()
    packer.add("0", folder / "src")
    with pytest.raises(ContextError, match="pipe is a pipe and cannot be part of an image"):
        packer.pack()
    (folder / "src" / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "src" / "s.sock"))
        with pytest.raises(ContextError, match=r"s\.sock is a socket"):
            packer.pack()
        packer = Packer()
        packer.add("0", folder / "src", ignore=lambda path: path == "s.sock")
        assert packed_paths(packer) == ["0", "0/a"]


def test_a_name_that_is_not_utf8_is_shown_in_a_way_that_can_be_printed(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / os.fsdecode(b"caf\xe9")).write_bytes(b"1")
    packer = Packer()
    packer.add("0", folder / "src")
    with pytest.raises(ContextError) as caught:
        packer.pack()
    assert r"caf\xe9" in caught.value.detail and "not valid UTF-8" in caught.value.detail
    caught.value.detail.encode("utf-8")


def test_what_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(folder / "src", {"secret": b"1"})
    packer = Packer()
    packer.add("0", folder / "src")
    real = os.open

    def refuse(path: object, *rest: object, **more: object) -> int:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ContextError, match="secret cannot be read: permission denied"):
        packer.pack()


def test_a_source_that_is_not_there_is_named(folder: Path) -> None:
    packer = Packer()
    packer.add("0", folder / "nothing")
    with pytest.raises(ContextError, match="nothing cannot be read: no such file"):
        packer.pack()


def test_too_much_is_refused_before_anything_is_read(folder: Path) -> None:
    make(folder / "src", {"big": b"x" * 1000, "small": b"x"})
    packer = Packer(bounds=ArchiveBounds(unpacked_bytes=500))
    packer.add("0", folder / "src")
    with pytest.raises(ContextError, match=r"1,001 bytes, 500 are allowed; the largest is .*big with 1,000"):
        packer.pack()
    packer = Packer(bounds=ArchiveBounds(entries=2))
    packer.add("0", folder / "src")
    with pytest.raises(ContextError, match="3 files and folders; 2 are allowed"):
        packer.pack()


def test_progress_counts_files_and_bytes(folder: Path) -> None:
    make(folder / "src", {"a": b"12", "b": b"345"})
    told: list[ReadingProgress] = []
    packer = Packer(progress=told.append)
    packer.add("0", folder / "src")
    packer.pack().close()
    assert told == [ReadingProgress(1, 2, 2, 5), ReadingProgress(2, 2, 5, 5)]


def test_a_path_that_no_source_gave_is_an_error(folder: Path) -> None:
    make(folder / "src", {"a": b"1"})
    packer = Packer()
    packer.add("0", folder / "src")
    with pytest.raises(ContextError, match="the context has no '1'"):
        packer.pack(["1"])


def test_the_paths_of_a_spec_are_those_that_its_layers_name() -> None:
    spec = parse_spec(
        {
            "baseImage": "x",
            "pythonVersion": "3.12",
            "layers": [
                {"copyConfig": {"src": "0/app", "dst": "/app"}},
                {"requirements": {"file": "1/r.txt"}},
                {"copyConfig": {"src": "0/app", "dst": "/again"}},
                {"pipPackages": {"packages": ["a"]}},
            ],
        }
    )
    assert context_paths(spec) == ("0/app", "1/r.txt")
    assert context_paths(parse_spec({"dockerfile": "FROM x"})) == (".",)
    assert context_paths(parse_spec({"baseImage": "x", "pythonVersion": "3.12"})) == ()


def test_nothing_is_left_in_the_folder_of_temporary_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    make(folder / "src", {"a": b"1"})
    packer = Packer()
    packer.add("0", folder / "src")
    with packer.pack():
        assert list(place.iterdir()) == []
    packer.add("1", folder / "nothing")
    with pytest.raises(ContextError):
        packer.pack()
    assert list(place.iterdir()) == []


def test_a_full_disk_says_where_to_look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(folder / "src", {"a": os.urandom(300_000)})

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None: ...

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    packer = Packer()
    packer.add("0", folder / "src")
    with pytest.raises(ContextError, match="no space left") as caught:
        packer.pack()
    assert "TMPDIR" in caught.value.advice
