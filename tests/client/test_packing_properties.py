"""Equal trees have equal digests wherever they are; different trees have different ones."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard_client.packing import Packer
from tests.client.trees import Tree, make

NAMES = st.text(st.sampled_from("ab.-_ Zé\u3042"), min_size=1, max_size=4).filter(
    lambda name: name not in (".", "..") and not name.endswith("*")
)
FILES = st.binary(max_size=20)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(st.one_of(NAMES, NAMES.map(lambda name: name + "*")), FILES, max_size=4),
    lambda inner: st.dictionaries(NAMES, st.one_of(FILES, inner), max_size=4),
    max_leaves=8,
).filter(lambda tree: _names_differ(tree))


def _names_differ(tree: Tree) -> bool:
    names = [name.removesuffix("*") for name in tree]
    inner = [child for child in tree.values() if isinstance(child, dict)]
    return len(set(names)) == len(names) and all(map(_names_differ, inner))


def without_empty(tree: Tree) -> Tree:
    """A source as the packer sees it: without folders that contain no file."""
    out: Tree = {}
    for name, content in tree.items():
        if isinstance(content, dict):
            if inner := without_empty(content):
                out[name] = inner
        else:
            out[name] = content
    return out


def digests(folder: Path) -> tuple[str, str]:
    packer = Packer()
    packer.add("0", folder)
    with packer.pack(["0"]) as packed:
        return packed.context.sha256, packed.context.trees["0"]


def walk(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


@given(tree=TREES, time=st.integers(0, 4_000_000_000), umask=st.sampled_from([0o000, 0o022, 0o077, 0o027]))
@settings(max_examples=60)
def test_order_umask_time_and_owner_do_not_count(tree: Tree, time: int, umask: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        one = make(Path(name) / "one", tree)
        other = make(Path(name) / "somewhere" / "else", tree, backwards=True, umask=umask)
        for path in walk(other):
            os.utime(path, (time, time), follow_symlinks=False)
            if os.geteuid() == 0:
                os.chown(path, 1234, 4321)
        assert digests(one) == digests(other)


@given(tree=TREES, other=TREES)
@settings(max_examples=100)
def test_trees_are_equal_when_their_digests_are(tree: Tree, other: Tree) -> None:
    with tempfile.TemporaryDirectory() as name:
        one = digests(make(Path(name) / "one", tree))
        two = digests(make(Path(name) / "two", other))
        assert (without_empty(tree) == without_empty(other)) == (one[1] == two[1]) == (one[0] == two[0])


@given(tree=TREES.filter(without_empty), data=st.data())
@settings(max_examples=60)
def test_every_small_change_gives_another_digest(tree: Tree, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = make(Path(name) / "one", tree)
        before = digests(folder)
        path = data.draw(st.sampled_from(sorted(path for path in walk(folder) if path.is_file())))
        change = data.draw(st.sampled_from(["byte", "mode", "name", "gone"]))
        if change == "byte":
            path.write_bytes(path.read_bytes() + b"!")
        elif change == "mode":
            path.chmod(path.stat().st_mode ^ 0o100)
        elif change == "name":
            path.rename(path.with_name(path.name + "!"))
        else:
            path.unlink()
        after = digests(folder)
        assert before[0] != after[0] and before[1] != after[1]


@given(tree=TREES, data=st.data())
@settings(max_examples=30)
def test_bits_of_the_mode_other_than_the_owners_x_do_not_count(tree: Tree, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = make(Path(name) / "one", tree)
        before = digests(folder)
        for path in walk(folder):
            if path.is_file():
                path.chmod(
                    (path.stat().st_mode & 0o100) | 0o644 if path.stat().st_size % 2 else path.stat().st_mode | 0o022
                )
        assert digests(folder) == before
