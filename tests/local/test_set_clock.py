"""Changes of the system time make no request wait longer, and end nothing."""

import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from boatyard.build import State
from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard.settings import Limits
from boatyard_local.jobs import LocalJobRunner
from boatyard_local.state import StateFolder
from boatyard_local.upload_url import VALID_SECONDS, UploadUrls
from tests.local.jobs import QUICK, argv, ended, job, tag, until

DAY = 86_400.0


def runner(path: Path, clock: ManualClock, hold: int = 60) -> LocalJobRunner:
    limits = Limits(failure_hold_seconds=hold)
    return LocalJobRunner(StateFolder(path), clock, argv=argv, limits=limits, patience=QUICK).open()


def fail(it: LocalJobRunner, number: int = 0) -> str:
    result = {"state": "FAILED", "error": {"code": "COMMAND_FAILED", "message": "m", "advice": "a"}}
    build = it.ensure(job(number, seconds=0, result=result), tag(number), force=False).build
    assert ended(it, build.id).state is State.FAILED
    return build.id


def asked_again(it: LocalJobRunner, number: int = 0) -> bool:
    """Returns whether the answer is a failure."""
    return it.ensure(job(number, seconds=0), tag(number), force=False).joined


@pytest.mark.parametrize("seconds", [-DAY, -30, 30, DAY])
def test_a_failure_is_held_for_as_long_as_it_says(tmp_path: Path, seconds: float) -> None:
    clock = ManualClock(time.time())
    it = runner(tmp_path, clock)
    fail(it)
    clock.set(clock.now() + seconds)
    assert asked_again(it)
    clock.sleep(58)
    assert asked_again(it)
    clock.sleep(3)
    assert not asked_again(it)
    it.close()


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_over_a_restart_it_is_held_for_twice_as_long_at_most(tmp_path: Path, seconds: float) -> None:
    clock = ManualClock(time.time())
    it = runner(tmp_path, clock)
    fail(it)
    it.close()
    clock.set(clock.now() + seconds)
    again = runner(tmp_path, clock)
    assert not asked_again(again)
    again.close()


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_a_running_build_is_neither_late_nor_early_after_a_restart(tmp_path: Path, seconds: float) -> None:
    clock = ManualClock(time.time())
    it = runner(tmp_path, clock)
    long = it.ensure(job(1, seconds=3, timeout=60), tag(1), force=False).build
    late = it.ensure(job(2, seconds=60, timeout=2), tag(2), force=False).build
    for build in (long, late):
        until((StateFolder(tmp_path).build(build.id).path / "begun").exists)
    it.close()
    clock.set(clock.now() + seconds)
    again = runner(tmp_path, clock)
    try:
        assert ended(again, late.id).state is State.TIMED_OUT, "its two seconds are those since it was started"
        done = ended(again, long.id)
        assert done.state is State.SUCCEEDED
        assert done.created_at <= (done.started_at or 0) <= (done.finished_at or 0)
    finally:
        again.close()


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_an_upload_url_is_valid_for_an_hour_that_nobody_can_set(seconds: float) -> None:
    clock = ManualClock(time.time())
    urls = UploadUrls("http://127.0.0.1:1", b"k" * 32)
    parts = urlsplit(urls.sign("a" * 64, 5, clock))
    query = dict(parse_qsl(parts.query))
    clock.set(clock.now() + seconds)
    clock.sleep(VALID_SECONDS - 2)
    assert urls.check(parts.path, query, clock).size == 5
    clock.sleep(3)
    with pytest.raises(BoatyardError, match="has expired"):
        urls.check(parts.path, query, clock)
    with pytest.raises(BoatyardError, match="not an upload URL"):
        urls.check(parts.path, query | {"until": str(int(query["until"]) + 100)}, clock)


def test_no_build_ends_before_it_began(tmp_path: Path) -> None:
    clock = ManualClock(time.time())
    it = runner(tmp_path, clock)
    build = it.ensure(job(1, seconds=0.5), tag(1), force=False).build
    clock.set(clock.now() - DAY)
    done = ended(it, build.id)
    assert done.created_at <= (done.started_at or 0) <= (done.finished_at or 0)
    it.close()
