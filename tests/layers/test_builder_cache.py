"""What jobs of one builder share is whole or not there, belongs to one project, and stays below its limit."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard_layers.builder_cache import BuilderCache, builder_cache, trim


def written(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        (path / "file").write_bytes(data)

    return make


def refused(path: Path) -> None:
    raise AssertionError(f"{path} is made again")


def files(root: Path) -> list[str]:
    return sorted(path.parents[1].name.partition("-")[0] for path in root.rglob("file"))


_KILLED = """
import os, pathlib, sys
from boatyard_layers.builder_cache import builder_cache
def killed(path):
    path.mkdir()
    (path / "file").write_bytes(b"half")
    os._exit(9)
root = pathlib.Path(sys.argv[1])
with builder_cache(root, "realm", root) as cache:
    cache.kept("python", "3.11", killed)
"""


def trimmed(root: Path, most: int) -> None:
    trim(root, most, now=lambda: 4e9)  # as if ten minutes were over


def test_a_later_job_finds_what_an_earlier_one_made(tmp_path: Path) -> None:
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        first = cache.kept("python", "3.11", written(b"one"))
        assert cache.kept("python", "3.12", written(b"two")) != first
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        assert (cache.kept("python", "3.11", refused) / "file").read_bytes() == b"one"


def test_projects_share_nothing(tmp_path: Path) -> None:
    with builder_cache(tmp_path, "one", tmp_path) as one, builder_cache(tmp_path, "two", tmp_path) as two:
        one.kept("python", "3.11", written(b"one"))
        assert (two.kept("python", "3.11", written(b"two")) / "file").read_bytes() == b"two"
        assert one.uv != two.uv


def test_without_a_shared_folder_everything_goes_with_the_job(tmp_path: Path) -> None:
    with builder_cache(None, "realm", tmp_path) as cache:
        assert cache.kept("python", "3.11", written(b"one")).is_relative_to(tmp_path)


def test_a_job_that_is_killed_while_it_writes_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert len(files(tmp_path)) == 1
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        trimmed(tmp_path, 10**9)
        assert len(files(tmp_path)) == 1, "a job runs, and it could be its file"
        assert (cache.kept("python", "3.11", written(b"whole")) / "file").read_bytes() == b"whole"
    trimmed(tmp_path, 10**9)
    assert files(tmp_path) == ["python"]


@pytest.mark.parametrize("damage", ["file", "bytes"])
def test_what_lost_a_part_is_made_again(damage: str, tmp_path: Path) -> None:
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        place = cache.kept("python", "3.11", written(b"one"))
        (place / "file" if damage == "file" else place.parent / "bytes").write_bytes(b"")
        assert (cache.kept("python", "3.11", written(b"again")) / "file").read_bytes() == b"again"
        assert cache.kept("python", "3.11", refused)


def test_a_folder_that_cannot_be_used_fails_no_build(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with builder_cache(tmp_path / "file", "realm", tmp_path / "work") as cache:
        assert cache.uv.is_relative_to(tmp_path / "work")


def test_of_two_jobs_that_make_the_same_both_have_it(tmp_path: Path) -> None:
    with builder_cache(tmp_path, "realm", tmp_path) as one, builder_cache(tmp_path, "realm", tmp_path) as two:

        def slow(path: Path) -> None:
            two.kept("python", "3.11", written(b"the other's"))
            written(b"mine")(path)

        assert (one.kept("python", "3.11", slow) / "file").read_bytes() == b"the other's"


def test_what_was_not_used_for_the_longest_time_goes_first_and_nothing_that_is_in_use(tmp_path: Path) -> None:
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        for number, kind in enumerate(("first", "second", "third")):
            os.utime(cache.kept(kind, "", written(bytes(100_000))).parent, (number, number))
        cache.kept("first", "", refused)
        trimmed(tmp_path, 0)
        assert files(tmp_path) == ["first", "second", "third"]
    with builder_cache(tmp_path, "busy", tmp_path) as busy:
        os.utime(busy.kept("used", "", written(bytes(100_000))).parent, (0, 0))
        trimmed(tmp_path, 350_000)
        assert files(tmp_path) == ["first", "third", "used"]
        trimmed(tmp_path, 0)
        assert files(tmp_path) == ["used"]


def test_uvs_cache_is_limited_too(tmp_path: Path) -> None:
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        (cache.uv / "wheels").write_bytes(bytes(100_000))
    trimmed(tmp_path, 1_000)
    assert not cache.uv.exists()
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        assert cache.uv.is_dir()


def test_it_is_not_measured_by_every_job(tmp_path: Path) -> None:
    with builder_cache(tmp_path, "realm", tmp_path) as cache:
        cache.kept("python", "3.11", written(b"one"))
    trim(tmp_path, 10**9)
    trim(tmp_path, 0)
    assert files(tmp_path) == ["python"]


@pytest.mark.parametrize("depth", [0, 60])
def test_a_stage_has_a_short_path_and_goes(depth: int, tmp_path: Path) -> None:
    cache = BuilderCache(tmp_path / ("x" * depth))
    with cache.stage() as folder:
        assert len(str(folder / "a/venv/bin/python")) < 120
    assert not folder.exists()
