"""The server is killed at every point of a build's life, and the next one recovers the build."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from boatyard.build import State
from boatyard_local.state import StateFolder
from tests.local.jobs import ended, job, runner, tag, until

ROOT = Path(__file__).parents[2]
LEDGER, DURABLE, PROCESS = "boatyard_local.jobs.ledger", "boatyard_local.durable", "boatyard_local.jobs.process"

UNASKED = [
    pytest.param(DURABLE, "create", 1, "before", id="folder-made"),
    pytest.param(DURABLE, "create", 1, "after", id="job-written"),
    pytest.param(DURABLE, "create", 2, "after", id="record-written"),
]
"""The caller got no answer, and there is nothing."""

ASKED = [
    pytest.param(DURABLE, "sync_folder", 1, "before", id="renamed"),
    pytest.param("boatyard_local.jobs.scheduler", "Scheduler.enqueue", 1, "before", id="answered"),
    pytest.param("boatyard_local.jobs.scheduler", "_running", 1, "after", id="about-to-start"),
    pytest.param(PROCESS, "fcntl.flock", 1, "after", id="locked"),
    pytest.param(PROCESS, "subprocess.Popen", 1, "after", id="spawned"),
    pytest.param(PROCESS, "JobProcess.start", 1, "after", id="started"),
    pytest.param(DURABLE, "write", 1, "after", id="running-recorded"),
    pytest.param("boatyard_local.jobs.scheduler", "conclude", 1, "before", id="ended"),
    pytest.param("boatyard_local.jobs.scheduler", "conclude", 1, "after", id="concluded"),
    pytest.param(DURABLE, "write", 2, "before", id="end-not-recorded"),
    pytest.param(DURABLE, "write", 2, "after", id="end-recorded"),
]
"""The build is there from now on, runs once, and ends."""


def crash(state: Path, *point: str | int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.local.crash", str(state), *map(str, point)], cwd=ROOT, timeout=30, check=False
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("module", "function", "nth", "when"), UNASKED)
def test_a_build_that_nobody_was_told_of_leaves_nothing(
    tmp_path: Path, module: str, function: str, nth: int, when: str
) -> None:
    crash(tmp_path, module, function, nth, when)
    again = runner(tmp_path)
    assert again.latest(tag()) is None
    until(lambda: list(StateFolder(tmp_path).builds.iterdir()) == [])
    build = again.ensure(job(seconds=0), tag(), force=False).build
    assert ended(again, build.id).state is State.SUCCEEDED
    again.close()


@pytest.mark.parametrize(("module", "function", "nth", "when"), ASKED)
def test_a_build_that_was_asked_for_runs_once_and_ends(
    tmp_path: Path, module: str, function: str, nth: int, when: str
) -> None:
    crash(tmp_path, module, function, nth, when)
    again = runner(tmp_path)
    latest = again.latest(tag())
    assert latest is not None
    build = ended(again, latest.id)
    assert build.state is State.SUCCEEDED and build.attempt == 1
    assert (StateFolder(tmp_path).build(build.id).path / "runs").read_text() == "x"
    again.close()
    third = runner(tmp_path)
    assert third.status(build.id) == build
    third.close()


def test_a_job_that_died_while_there_was_no_server_is_lost(tmp_path: Path) -> None:
    first = runner(tmp_path)
    build = first.ensure(job(seconds=30), tag(), force=False).build
    folder = StateFolder(tmp_path).build(build.id)
    until((folder.path / "begun").exists)
    first.close()
    pid = int(folder.pid.read_text())
    subprocess.run(["kill", "-9", str(pid)], check=True)
    again = runner(tmp_path)
    lost = ended(again, build.id)
    assert lost.state is State.ERRORED and lost.error and lost.error.code == "BUILDER_LOST"
    assert lost.error.log_tail == ("hello",)
    second = again.ensure(job(seconds=0), tag(), force=False)
    assert not second.joined and ended(again, second.build.id).state is State.SUCCEEDED
    again.close()


def test_a_cancelled_job_is_cancelled_though_the_server_died_in_between(tmp_path: Path) -> None:
    first = runner(tmp_path)
    build = first.ensure(job(seconds=30, deaf=True), tag(), force=False).build
    until((StateFolder(tmp_path).build(build.id).path / "begun").exists)
    first.cancel(build.id)
    first.close()
    again = runner(tmp_path)
    assert ended(again, build.id).state is State.CANCELLED
    again.close()


def test_the_queue_keeps_its_order_over_a_restart(tmp_path: Path) -> None:
    first = runner(tmp_path, concurrent_builds=1)
    blocker = first.ensure(job(0, seconds=0.5), tag(0), force=False).build
    builds = [first.ensure(job(n, seconds=0), tag(n), force=False).build for n in range(1, 8)]
    first.close()
    again = runner(tmp_path, concurrent_builds=1)
    ends = [ended(again, build.id) for build in (blocker, *builds)]
    started = [build.started_at for build in ends]
    assert started == sorted(started, key=lambda at: at or 0)
    again.close()


def test_a_damaged_record_is_made_again_from_the_job(tmp_path: Path) -> None:
    first = runner(tmp_path)
    build = first.ensure(job(seconds=0), tag(), force=False).build
    ended(first, build.id)
    first.close()
    StateFolder(tmp_path).build(build.id).record.write_bytes(b'{"number":')
    again = runner(tmp_path)
    assert ended(again, build.id).state is State.SUCCEEDED
    again.close()


def test_a_stranger_in_the_builds_folder_is_left_alone(tmp_path: Path) -> None:
    strange = StateFolder(tmp_path).builds / "notes"
    strange.mkdir(parents=True)
    (strange / "text").write_text("mine")
    again = runner(tmp_path)
    assert (strange / "text").read_text() == "mine"
    again.close()


def test_a_build_that_nobody_can_read_any_more_makes_room(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path).build(f"{tag()}-1")
    folder.path.mkdir(parents=True)
    folder.job.write_bytes(b"\0\0")
    it = runner(tmp_path)
    assert it.latest(tag()) is None
    assert ended(it, it.ensure(job(seconds=0), tag(), force=False).build.id).state is State.SUCCEEDED
    it.close()
