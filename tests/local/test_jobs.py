"""Jobs as processes: limited, recovered after a restart, and ended with all their children."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import msgspec

from boatyard.build import Build, State
from boatyard.ports import BuildQuery
from boatyard.settings import Settings
from boatyard_local.clock import SystemClock
from boatyard_local.jobs import LocalJobRunner
from boatyard_local.jobs.process import is_locked
from boatyard_local.jobs.retention import Retention
from boatyard_local.state import BuildFolder, StateFolder
from tests.local.jobs import QUICK, argv, ended, job, runner, tag, until

MANY = 1000


def begun(path: Path, build: Build) -> BuildFolder:
    folder = StateFolder(path).build(build.id)
    until((folder.path / "begun").exists)
    return folder


def sh(folder: BuildFolder, build: Build) -> list[str]:
    """The quickest job there is."""
    return ["/bin/sh", "-c", f'echo \'{{"state":"SUCCEEDED","digest":"sha256:{"c" * 64}"}}\' > result.json']


def test_a_thousand_different_builds_queue_and_none_is_lost(tmp_path: Path) -> None:
    first = LocalJobRunner(StateFolder(tmp_path), SystemClock(), argv=sh, limits=Settings().limits).open()
    threads = [
        threading.Thread(target=lambda n=n: [first.ensure(job(i), tag(i), force=False) for i in range(n, MANY, 20)])
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    most = 0

    def running() -> bool:
        nonlocal most
        builds = first.list(BuildQuery(page_size=2 * MANY)).builds
        most = max(most, sum(build.state is State.RUNNING for build in builds))
        return sum(build.state is State.SUCCEEDED for build in builds) == MANY

    until(running, 240, pause=0.2)
    assert most <= Settings().limits.concurrent_builds
    first.close()
    again = LocalJobRunner(StateFolder(tmp_path), SystemClock(), argv=sh).open()
    builds = again.list(BuildQuery(page_size=2 * MANY)).builds
    assert {build.id for build in builds} == {f"{tag(n)}-1" for n in range(MANY)}
    assert {build.state for build in builds} == {State.SUCCEEDED}
    again.close()


def test_a_killed_job_is_lost_and_nothing_that_it_started_goes_on(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(seconds=60, child=True), tag(), force=False).build
    folder = begun(tmp_path, build)
    child = int((folder.path / "child").read_text())
    os.kill(int(folder.pid.read_text()), signal.SIGKILL)
    lost = ended(it, build.id)
    assert lost.error and lost.error.code == "BUILDER_LOST" and "SIGKILL" in lost.error.message
    until(lambda: is_gone(child))
    it.close()


def test_the_lock_is_the_jobs_alone(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(seconds=0.2, child=True), tag(), force=False).build
    folder = begun(tmp_path, build)
    assert is_locked(folder)
    assert ended(it, build.id).state is State.SUCCEEDED
    child = int((folder.path / "child").read_text())
    assert not is_gone(child) and not is_locked(folder)
    os.kill(child, signal.SIGKILL)
    it.close()


def test_a_job_outlives_its_server_and_has_a_session_of_its_own(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(), tag(), force=False).build
    folder = StateFolder(tmp_path).build(build.id)
    until((folder.path / "runs").exists)
    pid = int(folder.pid.read_text())
    assert os.getsid(pid) == pid != os.getsid(0)
    it.close()
    assert is_locked(folder)
    again = runner(tmp_path)
    assert (now := again.status(build.id)) and now.state is State.RUNNING
    assert again.ensure(job(seconds=0), tag(), force=False).joined
    result = {"state": "SUCCEEDED", "digest": f"sha256:{'a' * 64}"}
    (folder.path / "orders.jsonl").write_text(json.dumps({"result": result}) + "\n")
    assert ended(again, build.id).state is State.SUCCEEDED
    again.close()


def test_a_cancelled_job_gets_a_signal_first(tmp_path: Path) -> None:
    it = runner(tmp_path, patience=msgspec.structs.replace(QUICK, kill=600))
    build = it.ensure(job(seconds=60), tag(), force=False).build
    begun(tmp_path, build)
    answer = it.cancel(build.id)
    assert answer and answer.state is State.RUNNING
    assert ended(it, build.id).state is State.CANCELLED
    it.close()


def test_a_cancelled_job_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(seconds=60, deaf=True), tag(), force=False).build
    begun(tmp_path, build)
    asked = time.monotonic()
    answer = it.cancel(build.id)
    assert answer and answer.state is State.RUNNING
    assert ended(it, build.id).state is State.CANCELLED
    assert time.monotonic() - asked >= QUICK.kill
    it.close()


def test_a_job_that_is_late_is_ended_for_it(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(timeout=1, seconds=60), tag(), force=False).build
    late = ended(it, build.id)
    assert late.state is State.TIMED_OUT and late.error and late.error.code == "TIMED_OUT"
    assert "1 second" in late.error.message and late.error.log_tail == ("hello",)
    assert it.ensure(job(), tag(), force=False).joined, "a timeout is held like a failure"
    it.close()


def test_a_late_job_that_is_cancelled_while_it_is_being_ended_is_cancelled(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(timeout=1, seconds=60, deaf=True), tag(), force=False).build
    until(lambda: (record := it._ledger.get(build.id)) and record.ending is State.TIMED_OUT)
    answer = it.cancel(build.id)
    assert answer and answer.state is State.RUNNING
    assert ended(it, build.id).state is State.CANCELLED
    assert not it.ensure(job(seconds=0), tag(), force=False).joined, "a cancel is not held"
    it.close()


def test_success_counts_though_the_build_was_cancelled_too_late(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(), tag(), force=False).build
    folder = StateFolder(tmp_path).build(build.id)
    digest = "sha256:" + "d" * 64
    order = {"result": {"state": "SUCCEEDED", "digest": digest}}
    (folder.path / "orders.jsonl").write_text(json.dumps(order) + "\n")
    until(folder.result.exists)
    it.cancel(build.id)
    assert (done := ended(it, build.id)).image and done.image.endswith(digest)
    it.close()


def test_a_job_that_cannot_be_started_says_so(tmp_path: Path) -> None:
    it = LocalJobRunner(
        StateFolder(tmp_path), SystemClock(), argv=lambda folder, build: ["/no/such/program"], patience=QUICK
    ).open()
    build = ended(it, it.ensure(job(), tag(), force=False).build.id)
    assert build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST"
    assert any("no/such/program" in line for line in build.error.log_tail)
    it.close()


def test_a_result_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    def broken(folder: BuildFolder, build: Build) -> list[str]:
        return ["/bin/sh", "-c", "echo '{' > result.json"]

    it = LocalJobRunner(StateFolder(tmp_path), SystemClock(), argv=broken, patience=QUICK).open()
    build = ended(it, it.ensure(job(), tag(), force=False).build.id)
    assert build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST"
    it.close()


def test_old_builds_are_forgotten_but_never_one_that_runs(tmp_path: Path) -> None:
    it = LocalJobRunner(
        StateFolder(tmp_path), SystemClock(), argv=argv, patience=QUICK, retention=Retention(builds=3)
    ).open()
    long = it.ensure(job(100, seconds=2), tag(100), force=False).build
    for number in range(6):
        ended(it, it.ensure(job(number, seconds=0), tag(number), force=False).build.id)
    until(lambda: len(it.list(BuildQuery()).builds) == 4)
    assert [build.id for build in it.list(BuildQuery()).builds] == [
        *(f"{tag(n)}-1" for n in (5, 4, 3)),
        long.id,
    ]
    assert it.status(f"{tag(0)}-1") is None and it.latest(tag(0)) is None
    until(lambda: len(list(StateFolder(tmp_path).builds.iterdir())) == 4)
    assert ended(it, long.id).state is State.SUCCEEDED, "the one that ended last is not the oldest"
    it.close()


def is_gone(pid: int) -> bool:
    """Also True for a zombie: in a container, possibly no process reaps it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
