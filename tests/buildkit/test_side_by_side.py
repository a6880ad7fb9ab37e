"""Platforms that are built side by side write one log and one progress."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boatyard.build import Phase, Step
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile

TIMES = 150


@pytest.fixture(autouse=True)
def often_switched() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_threads_that_change_the_progress_leave_it_whole(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path / "progress.json")

    def platform(name: str) -> None:
        for number in range(TIMES):
            progress.enter(Phase.BUILD if number % 2 else Phase.PUSH)
            progress.step(Step(number=number, total=TIMES, title=name))
            progress.wait_for(f"{name} {number}")
            progress.begun()
            progress.tick()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(platform, "abcd"))
    assert {time.phase for time in progress.finish()} == {Phase.BUILD, Phase.PUSH}


def test_a_line_of_the_log_is_never_mixed_with_another_and_the_limit_holds(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", limit=20_000)

    def platform(name: str) -> None:
        for number in range(TIMES):
            log.write(f"{name} {number}\nsecond line of {name} {number}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(platform, "abcd"))
    log.close()
    lines = [json.loads(row)["line"] for row in (tmp_path / "log").read_text().splitlines()]
    assert lines.pop().startswith("… the log is full")
    assert (tmp_path / "log").stat().st_size <= 20_000 + 200
    pairs = zip(lines[::2], lines[1::2], strict=False)
    assert all(second == f"second line of {first}" for first, second in pairs)
