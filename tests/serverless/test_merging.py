"""The lists of several projects' builds are merged into one."""

import random

import pytest

from boatyard_serverless.builds.merging import merged
from boatyard_serverless.memory import MemoryBucket

FOLDERS = ["builds/of/a.x/", "builds/of/b.x/", "builds/of/c.x/"]


def _name(number: int) -> str:
    return f"{number:017d}.{number:032x}-1"


NAMES = [_name(number) for number in range(23)]


@pytest.fixture
def bucket() -> MemoryBucket:
    """A bucket with names in several folders."""
    made = MemoryBucket()
    chosen = random.Random(7)  # noqa: S311 - the same folders each time
    for name in NAMES:
        made.put(chosen.choice(FOLDERS[:2]) + name, b"")
    return made


@pytest.mark.parametrize("page", [1, 2, 5, 100])
def test_all_names_come_once_and_in_order(bucket: MemoryBucket, page: int) -> None:
    assert list(merged(bucket, FOLDERS, after="", page=page)) == NAMES
    assert list(merged(bucket, FOLDERS, after=NAMES[9], page=page)) == NAMES[10:]
    assert list(merged(bucket, [], after="", page=page)) == []


def test_what_is_below_a_folder_is_not_of_it(bucket: MemoryBucket) -> None:
    """The list of all builds is in a folder above those of the projects."""
    bucket.put("builds/" + NAMES[0], b"")
    assert list(merged(bucket, ["builds/"], after="", page=3)) == [NAMES[0]]
