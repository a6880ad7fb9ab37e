"""The files of a copied folder: flyte's selection and patterns, without files that change by themselves."""

from pathlib import Path

import flyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard_flyte import sdk
from boatyard_flyte.lowering import lower
from boatyard_flyte.lowering.ignore import FlyteIgnore
from boatyard_flyte.order import contents_of
from tests.flyte.images import named
from tests.flyte.projects import write

PARTS = st.sampled_from(["a", "B", "a.py", "x.log", ".git", "__pycache__", "deep"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
WORDS = st.sampled_from(["*", "**", "a", "*.log", "?", "[ab]", "deep", ".git", "..", "x.*"])
PATTERN = st.tuples(st.sampled_from(["", "!", "/"]), st.lists(WORDS, min_size=1, max_size=3))
PATTERNS = st.lists(PATTERN, max_size=5).map(lambda found: [sign + "/".join(words) for sign, words in found])


@given(PATTERNS, st.lists(PATHS, max_size=6))
def test_the_short_way_comes_to_what_the_sdk_says(patterns: list[str], paths: list[str]) -> None:
    ignore = FlyteIgnore(patterns)
    true = sdk.matcher(["__pycache__", "**/__pycache__", ".git", "**/.git", *patterns])
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):  # as a folder is walked: from the top
            here = "/".join(parts[:depth])
            assert ignore(here) == true.matches(here)


def sent(image: flyte.Image) -> list[str]:
    contents = contents_of(lower(image))
    assert contents is not None
    return [entry.path for entry in contents.entries if entry.kind == "file"]


@pytest.mark.parametrize("takes_back", [False, True])
def test_git_is_not_copied_unless_a_pattern_takes_it_back(takes_back: bool, tmp_path: Path) -> None:
    folder = write(tmp_path / "src", {"a.py": "", ".git/index": "", ".git/HEAD": "", "sub/.git": "gitdir: /x\n"})
    image = named("x")
    if takes_back:
        image = image.with_dockerignore(write(tmp_path, {"ignore": "!.git\n"}) / "ignore")
    found = sent(image.with_source_folder(folder))
    assert [path.partition("/")[2].partition("/")[2] for path in found] == [
        *([".git/HEAD", ".git/index"] if takes_back else []),
        "a.py",
    ]


def test_git_commands_do_not_change_a_key(tmp_path: Path) -> None:
    folder = write(tmp_path / "src", {"a.py": "", ".git/index": "1"})
    image = named("x").with_source_folder(folder)
    before = contents_of(lower(image))
    (folder / ".git/index").write_text("what git status writes")
    (folder / ".git/packed-refs").write_text("what git gc writes")
    after = contents_of(lower(image))
    assert before and after and before.context == after.context
