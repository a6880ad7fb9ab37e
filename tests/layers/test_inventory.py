"""What a file system of layers has, without its contents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard_layers import zstd
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, are_plain, is_plain
from boatyard_layers.model import PathEntry


def _folder(path: str, **more: int) -> PathEntry:
    return PathEntry(path=path, kind="directory", mode=more.pop("mode", 0o755), **more)


def _link(path: str, target: str) -> PathEntry:
    return PathEntry(path=path, kind="symlink", mode=0o777, target=target)


BASE = Inventory.empty().applied(
    [
        _folder("/usr"),
        _folder("/usr/lib"),
        _link("/lib", "usr/lib"),
        PathEntry(path="/usr/lib/a"),
        _folder("/tmp", mode=0o1777),
    ]
)


def test_a_later_layer_replaces_removes_and_empties() -> None:
    after = BASE.applied([PathEntry(path="/tmp/new", mode=0o600)], removed=["/usr/lib/a"], opaque=["/tmp"])
    assert "/usr/lib/a" not in after and "/usr/lib" in after
    assert after.get("/tmp/new") == PathEntry(path="/tmp/new", mode=0o600)
    assert "/usr/lib/a" in BASE, "the view before it stays"


def test_a_folder_that_becomes_a_file_loses_what_was_in_it() -> None:
    after = BASE.applied([PathEntry(path="/usr/lib")])
    assert "/usr/lib/a" not in after and after.children("/usr") == {"/usr/lib"}


@pytest.mark.parametrize("path", ["/lib/b/c", "/usr/lib/a/b"])
def test_a_path_below_a_link_or_a_file_is_left_to_buildkit(path: str) -> None:
    with pytest.raises(NotExact, match="no directory"):
        BASE.applied([PathEntry(path=path)])


def test_missing_parents_belong_to_root() -> None:
    made = Inventory.empty().applied([PathEntry(path="/a/b/c")])
    assert made.get("/a/b") == _folder("/a/b")


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [("/lib/a", "/usr/lib/a"), ("/lib/../x", "/usr/x"), ("/nowhere/./y/", "/nowhere/y"), ("/", "/"), ("/../..", "/")],
)
def test_a_path_follows_links(path: str, leads_to: str) -> None:
    assert BASE.resolve(path) == leads_to


def test_loops_and_paths_through_files_are_left_to_buildkit() -> None:
    looped = BASE.applied([_link("/x", "/y"), _link("/y", "x")])
    with pytest.raises(NotExact, match="loop"):
        looped.resolve("/x/z")
    with pytest.raises(NotExact, match="no folder"):
        BASE.resolve("/usr/lib/a/b")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        zstd.compress(b"{}", 3),
        zstd.compress(b'[{"path":"../x"}]', 3),
        zstd.compress(b'[{"path":"/"}]', 3),
    ],
)
def test_what_is_no_inventory_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="inventory"):
        Inventory.decode(data)


_NAMES = st.sampled_from(["a", "b", "é", "x y"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(st.tuples(_PATHS, st.sampled_from(["file", "directory"])), max_size=8), st.lists(_PATHS, max_size=3))
def test_every_entry_has_its_parents_and_survives_being_stored(entries: list, removed: list) -> None:
    try:
        made = BASE.applied([PathEntry(path=path, kind=kind) for path, kind in entries], removed=removed)
    except NotExact:
        files = {path for path, kind in entries if kind == "file"}
        assert any(path.startswith(f"{file}/") for path, _ in entries for file in files)
        return
    for entry in made:
        if entry.path != "/":
            above = made.get(entry.path.rpartition("/")[0] or "/")
            assert above is not None and above.kind == "directory"
    again = Inventory.decode(made.encode())
    assert sorted(again, key=str) == sorted(made, key=str) and again.encode() == made.encode()


PARTS = st.lists(st.sampled_from(["/", "//", ".", "..", "a", "b.c", "\n", "\0", "...", ""]), max_size=6).map("".join)


@given(st.lists(PARTS, max_size=4))
def test_all_paths_are_plain_if_each_of_them_is(paths: list[str]) -> None:
    assert are_plain(paths) == all(is_plain(path) for path in paths)
    rooted = [f"/{path}" for path in paths]
    assert are_plain(rooted) == all(is_plain(path) for path in rooted)
