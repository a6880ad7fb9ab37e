"""Archives of contexts: any entry that is not allowed is refused by name, before it is written."""

import gzip
import io
import tarfile
import time
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.archive import ArchiveBounds, check_link, check_path, header, read_archive
from boatyard.context import Entry
from boatyard.errors import BoatyardError
from boatyard.tree import content_digest, tree_of, trees_of
from tests.buildkit.archives import Link, close, entries_of, pack, raw


def read(archive: bytes, bounds: ArchiveBounds | None = None) -> list[Entry]:
    return [
        member.entry(content_digest(member.data) if member.data else "")
        for member in read_archive(io.BytesIO(archive), bounds or ArchiveBounds())
    ]


def refusal(archive: bytes, bounds: ArchiveBounds | None = None) -> str:
    with pytest.raises(BoatyardError) as caught:
        read(archive, bounds)
    assert caught.value.code == "CONTEXT_INVALID"
    return caught.value.detail


def test_what_is_written_by_the_rules_is_read_back() -> None:
    files = {"a/b/run.sh": b"#!", "a/é ü\n.txt": b"x" * 3000, "a/l": Link("b/run.sh"), "z" * 200: b""}
    archive, _ = pack(files)
    assert read(archive) == [entry for entry, _ in entries_of(files)]


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 255
)


@given(st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=2000), max_size=8))
def test_any_names_and_contents_survive(files: dict[str, bytes]) -> None:
    paths = set(files)
    files = {p: c for p, c in files.items() if not any(other.startswith(p + "/") for other in paths)}
    archive, context = pack(files)
    entries = read(archive)
    assert entries == [entry for entry, _ in entries_of(files)]
    assert trees_of(entries, context.trees) == context.trees


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (raw("../evil"), "plain relative path"),
        (raw("/evil"), "plain relative path"),
        (raw("a/../../evil"), "plain relative path"),
        (raw("a//b"), "plain relative path"),
        (raw("a/./b"), "plain relative path"),
        (raw("l", tarfile.SYMTYPE, link=""), "nothing"),
        (raw("h", tarfile.LNKTYPE, link="x"), "hard link"),
        (raw("d", tarfile.CHRTYPE), "device"),
        (raw("d", tarfile.BLKTYPE), "device"),
        (raw("p", tarfile.FIFOTYPE) + raw("p/x"), "below 'p', which is a fifo"),
        (raw("s", tarfile.GNUTYPE_SPARSE), "sparse"),
        (raw("v", b"V"), "unknown type"),
        (raw("x\udcff"), "UTF-8"),
        (raw("x" * 256), "too long"),
        (raw("d/" * 200 + "f"), "nested deeper than 128"),
        (raw("d/" * 1500, tarfile.DIRTYPE), "nested deeper than 128"),
        (raw("x") + raw("x"), "twice"),
        (raw("x") + raw("./x"), "twice"),
        (raw("x") + raw("x/y"), "below 'x', which is a file"),
        (raw("x/y") + raw("x"), "twice"),
        (raw("l", tarfile.SYMTYPE, link="a") + raw("l/x"), "below 'l', which is a link"),
        (raw("a", tarfile.DIRTYPE) + raw("a", tarfile.SYMTYPE, link="b"), "twice"),
    ],
)
def test_hostile_entries_are_refused(member: bytes, why: str) -> None:
    assert why in refusal(close(member))


def test_archives_of_other_programs_are_taken() -> None:
    archive = close(raw("./", tarfile.DIRTYPE), raw("./a/b", data=b"x"), raw("./a", tarfile.DIRTYPE))
    assert [(e.path, e.kind) for e in read(archive)] == [("a", "folder"), ("a/b", "file")]


def test_too_many_entries_are_refused() -> None:
    archive = close(*(raw(f"f{i}") for i in range(11)))
    assert "f10" in refusal(archive, ArchiveBounds(entries=10))
    assert len(read(archive, ArchiveBounds(entries=11))) == 11


def test_implied_folders_count_as_entries() -> None:
    assert refusal(close(raw("/".join("abcdefgh"))), ArchiveBounds(entries=4))


def test_many_deep_paths_cost_no_more_than_their_entries() -> None:
    folder = "d/" * 120
    before = time.process_time()
    assert len(read(close(*(raw(f"{folder}{i}") for i in range(2_000))))) == 2_120
    assert time.process_time() - before < 10


def test_names_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boatyard.archive._MOST_NAMES", 100)
    assert "names take more than 100 bytes" in refusal(close(*(raw(f"{i}" * 20) for i in range(6))))
    assert len(read(close(*(raw(f"{i}" * 20) for i in range(5))))) == 5


def test_a_writer_meets_the_same_bounds() -> None:
    with pytest.raises(BoatyardError, match="nested deeper"):
        header(Entry("d/" * 200 + "f", "file"))


def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(raw("x", data=bytes(8 * 1024**2)))
    assert len(bomb) < 20_000
    assert "more than the 1,048,576 bytes" in refusal(bomb, ArchiveBounds(unpacked_bytes=1024**2))


def test_a_header_that_would_fill_the_memory_is_refused() -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**33 - 1
    assert "header is too long" in refusal(gzip.compress(info.tobuf() + bytes(4 * 1024**2)))


def extended(kind: bytes, data: bytes) -> bytes:
    """An extended header, which applies to the next member."""
    return raw("x", kind, data=data)


def test_a_header_that_takes_tarfile_hours_to_read_is_refused() -> None:
    before = time.process_time()
    assert "header is too long" in refusal(close(extended(tarfile.XHDTYPE, b"1" * 1_000_000), raw("f")))
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    ("kind", "data"),
    [(tarfile.XHDTYPE, b"10 path=x\n"), (tarfile.XGLTYPE, b"10 path=x\n"), (tarfile.GNUTYPE_LONGNAME, b"x\0")],
)
def test_headers_of_headers_without_end_are_refused(kind: bytes, data: bytes) -> None:
    assert "damaged" in refusal(close(extended(kind, data) * 3000, raw("f")))


def test_the_longest_paths_are_read_back() -> None:
    path, target = "/".join(["d" * 254] * 12), "/".join(["\u00e9" * 127] * 12)
    files = {path: b"x" * 512, f"{path[:-1]}l": Link(target)}
    assert read(pack(files)[0]) == [entry for entry, _ in entries_of(files)]


def test_the_bytes_of_a_member_are_gone_once_the_next_is_taken() -> None:
    members = list(read_archive(io.BytesIO(close(raw("a", data=b"1"), raw("b", data=b"2"))), ArchiveBounds()))
    with pytest.raises(BoatyardError, match="damaged"):
        assert members[0].data and members[0].data.read(1)


DAMAGED = {
    "empty": b"",
    "not-gzip": b"not gzip",
    "gzip-of-nothing": gzip.compress(b""),
    "gzip-of-no-tar": gzip.compress(b"garbage" * 200),
    "no-end": gzip.compress(raw("x", data=b"1234")),
    "no-header": gzip.compress(raw("x") + b"\1" * 512 + bytes(1024)),
    "cut-off": close(raw("x", data=b"y" * 5000))[:-9],
    "wrong-length": close(raw("x"))[:-4] + b"\0\0\0\0",
    "more-behind-the-end": gzip.compress(raw("x") + bytes(1024) + b"tail" * 200),
}


@pytest.mark.parametrize("archive", DAMAGED.values(), ids=DAMAGED)
def test_damaged_archives_are_refused(archive: bytes) -> None:
    assert "damaged" in refusal(archive)


@given(st.binary(max_size=600), st.integers(0, 1500))
def test_damage_anywhere_is_refused_or_harmless(noise: bytes, at: int) -> None:
    data = bytearray(gzip.decompress(pack({"a/b": b"x" * 100, "l": Link("a/b")})[0]))
    data[at : at + len(noise)] = noise
    try:
        entries = read(gzip.compress(bytes(data)))
    except BoatyardError as error:
        assert error.code == "CONTEXT_INVALID"
    else:
        assert all(check_path(entry.path) for entry in entries)
        assert all(check_link(e.path, e.content) for e in entries if e.kind == "link")


def test_headers_carry_no_time_owner_or_umask() -> None:
    info = header(Entry("a", "file", 0o755, 3, "0" * 64))
    assert (info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) == (0, 0, 0, "", "", 0o755)


class TestTrees:
    FILES: ClassVar = {
        "a/x": b"1",
        "a/b/y": b"2",
        "z.sh": b"3",
        "to-a": Link("a"),
        "a/up": Link("../z.sh"),
        "loop": Link("loop"),
    }
    ENTRIES: ClassVar = [entry for entry, _ in entries_of(FILES)]

    def test_a_tree_is_what_is_below_it(self) -> None:
        alone = [entry for entry, _ in entries_of({"x": b"1", "b/y": b"2", "up": Link("../z.sh")})]
        assert tree_of(self.ENTRIES, "a") == tree_of(alone, ".") == tree_of(self.ENTRIES, "a/")

    def test_a_file_is_a_tree_of_one_entry_without_a_path(self) -> None:
        moved = [entry for entry, _ in entries_of({"other/name.sh": b"3"})]
        assert tree_of(self.ENTRIES, "z.sh") == tree_of(moved, "other/name.sh")

    def test_links_are_followed(self) -> None:
        assert tree_of(self.ENTRIES, "to-a") == tree_of(self.ENTRIES, "a")
        assert tree_of(self.ENTRIES, "to-a/up") == tree_of(self.ENTRIES, "z.sh")

    @pytest.mark.parametrize(
        ("link", "target"),
        [("up", "/z.sh"), ("a/b/up", "../../../../z.sh"), ("up", "to-a/../z.sh"), ("up", "/to-a/b/../../z.sh")],
    )
    def test_the_context_is_the_root_of_every_link(self, link: str, target: str) -> None:
        """As in BuildKit, absolute targets start at the root, `..` does not leave it, and links on the way are
        followed."""
        entries = [entry for entry, _ in entries_of({**self.FILES, link: Link(target)})]
        assert tree_of(entries, link) == tree_of(entries, "z.sh")

    @pytest.mark.parametrize("path", ["nope", "a/nope", "loop", "z.sh/x"])
    def test_a_path_that_leads_nowhere_is_refused(self, path: str) -> None:
        with pytest.raises(BoatyardError) as caught:
            tree_of(self.ENTRIES, path)
        assert caught.value.code == "CONTEXT_INVALID"

    def test_the_executable_bit_and_the_kind_count(self) -> None:
        variants = [
            {"x": b"1"},
            {"x.sh": b"1"},
            {"x": Link("1")},
            {"x/1": b""},
            {"x": b"2"},
        ]
        digests = {tree_of([e for e, _ in entries_of(files)], ".") for files in variants}
        assert len(digests) == len(variants)
