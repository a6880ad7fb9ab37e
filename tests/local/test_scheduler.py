"""Any error of one build ends that build; all others start, run and end as usual."""

import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from boatyard.build import Build, State
from boatyard.ports import BuildQuery
from boatyard_local.clock import SystemClock
from boatyard_local.jobs import JobPatience, LocalJobRunner
from boatyard_local.jobs import scheduler as scheduling
from boatyard_local.jobs.process import JobProcess
from boatyard_local.state import BuildFolder, StateFolder
from tests.buildkit.test_removal import deep
from tests.local.jobs import QUICK, argv, ended, job, runner, tag, until

VICTIM = f"{tag(0)}-1"


def everybody_else_is_built(it: LocalJobRunner) -> None:
    for number in (1, 2):
        assert ended(it, it.ensure(job(number, seconds=0), tag(number), force=False).build.id).state is State.SUCCEEDED


def of_victim(original: Any, error: Exception) -> Any:
    """The function, except that it raises for the victim."""

    def broken(first: Any, *rest: Any, **named: Any) -> Any:
        folder = getattr(first, "_folder", first)
        name = folder.path.name if isinstance(folder, BuildFolder) else getattr(getattr(first, "build", None), "id", "")
        if name == VICTIM:
            raise error
        return original(first, *rest, **named)

    return broken


POINTS = [
    (scheduling, "conclude"),
    (scheduling, "read_result"),
    (JobProcess, "start"),
    (JobProcess, "alive"),
    (JobProcess, "sweep"),
    (JobProcess, "signal"),
    (JobProcess, "wait"),
]


@pytest.mark.parametrize("error", [RecursionError("deep"), OSError(24, "too many")])
@pytest.mark.parametrize(("owner", "name"), POINTS, ids=lambda point: getattr(point, "__name__", point))
def test_whatever_fails_for_one_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception
) -> None:
    patience = JobPatience(deadline=0.3, kill=0.3, look=0.02, trouble=0.3)
    original = getattr(owner, name)
    broken = of_victim(original, error)
    monkeypatch.setattr(owner, name, staticmethod(broken) if name == "start" else broken)
    it = runner(tmp_path, concurrent_builds=1, patience=patience)
    victim = it.ensure(job(0, seconds=0.2, exit=3), tag(0), force=False).build
    assert victim.id == VICTIM
    everybody_else_is_built(it)
    assert (build := ended(it, VICTIM)).state is State.ERRORED and build.error
    assert build.error.code in ("INTERNAL", "BUILDER_LOST")
    monkeypatch.undo()
    assert ended(it, it.ensure(job(0, seconds=0), tag(0), force=False).build.id).state is State.SUCCEEDED
    it.close()
    again = runner(tmp_path)
    assert (kept := again.status(VICTIM)) and kept.error == build.error
    again.close()


def test_an_argument_that_no_program_can_be_given(tmp_path: Path) -> None:
    def odd(folder: BuildFolder, build: Build) -> list[str]:
        return ["a\0b"] if build.id == VICTIM else argv(folder, build)

    it = LocalJobRunner(StateFolder(tmp_path), SystemClock(), argv=odd, patience=QUICK).open()
    lost = ended(it, it.ensure(job(0), tag(0), force=False).build.id)
    assert lost.state is State.ERRORED and lost.error and lost.error.code == "INTERNAL" and lost.error.retryable
    everybody_else_is_built(it)
    it.close()


def test_a_build_that_cannot_be_followed_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runner(tmp_path)
    for number in range(3):
        first.ensure(job(number, seconds=1), tag(number), force=False)
    until(lambda: all((StateFolder(tmp_path).build(f"{tag(n)}-1").path / "begun").exists() for n in range(3)))
    first.close()
    broken = of_victim(scheduling.is_locked, RecursionError())
    monkeypatch.setattr(scheduling, "is_locked", broken)
    monkeypatch.setattr(scheduling.Scheduler, "_watch", broken_for_victim(scheduling.Scheduler._watch))
    again = runner(tmp_path)
    assert ended(again, VICTIM).state is State.ERRORED
    assert {ended(again, f"{tag(number)}-1").state for number in (1, 2)} == {State.SUCCEEDED}
    again.close()


def broken_for_victim(original: Any) -> Any:
    def watch(scheduler: Any, record: Any, *rest: Any) -> None:
        if record.build.id == VICTIM:
            raise RecursionError
        original(scheduler, record, *rest)

    return watch


def test_folders_without_end_in_what_a_job_left(tmp_path: Path) -> None:
    """A RecursionError in rmtree used to stop all builds, also after a restart."""
    it = runner(tmp_path, concurrent_builds=1)
    victim = it.ensure(job(0, seconds=0.5), tag(0), force=False).build
    folder = StateFolder(tmp_path).build(victim.id)
    until((folder.path / "begun").exists)
    deep(folder.work, 1500)
    waiting = it.ensure(job(1, seconds=0), tag(1), force=False).build
    assert ended(it, victim.id).state is State.SUCCEEDED
    assert ended(it, waiting.id).state is State.SUCCEEDED
    until(lambda: not folder.work.exists() and not StateFolder(tmp_path).removing.exists())
    it.close()


def test_what_cannot_be_removed_is_set_aside_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    removing = StateFolder(tmp_path).removing
    monkeypatch.setattr("boatyard_local.removals.remove", lambda path: False)
    it = runner(tmp_path, concurrent_builds=1)
    victim = it.ensure(job(0, seconds=0.5), tag(0), force=False).build
    work = StateFolder(tmp_path).build(victim.id).work
    until((work.parent / "begun").exists)
    (work / "stuck").mkdir(parents=True)
    assert ended(it, victim.id).state is State.SUCCEEDED
    until(lambda: "cannot be removed" in caplog.text)
    assert not work.exists() and len(list(removing.iterdir())) == 1
    everybody_else_is_built(it)
    it.close()
    monkeypatch.undo()
    again = runner(tmp_path)
    until(lambda: not removing.exists())
    again.close()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("result.json", b"[" * 200_000),
        ("result.json", b'{"state":"SUCCEEDED","digest":5}'),
        ("result.json", b'{"state":"SUCCEEDED","x":' + b"[" * 200_000),
        ("progress.json", b'{"phases":' + b"[" * 200_000),
        ("progress.json", b'{"phases":[{"phase":"BUILD","seconds":"\xff"}]}'),
        ("log.jsonl", b'{"t":1,"line":"a","x":' + b"[" * 200_000 + b'\n{"t":1,"line":"kept"}\n'),
        ("log.jsonl", b'\xff\xfe\n{"t":"x","line":1}\n[]\n{"t":1,"line":"kept"}\n'),
        ("pid", b"99999999999999999999999\n"),
        ("pid", b"0\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:24]),
)
def test_hostile_files_of_a_job(tmp_path: Path, name: str, data: bytes) -> None:
    it = runner(tmp_path, concurrent_builds=1)
    victim = it.ensure(job(0, seconds=0.3, exit=1), tag(0), force=False).build
    folder = StateFolder(tmp_path).build(victim.id)
    until((folder.path / "begun").exists)
    (folder.path / name).write_bytes(data)
    page = it.logs(victim.id, "")
    assert page is not None and it.status(victim.id) is not None
    assert ended(it, victim.id).state is State.ERRORED
    if name == "log.jsonl":
        assert (page := it.logs(victim.id, "")) and page.lines == ("kept",)
    everybody_else_is_built(it)
    it.close()


def test_a_log_line_and_a_result_of_a_gigabyte(tmp_path: Path) -> None:
    it = runner(tmp_path, concurrent_builds=1)
    victim = it.ensure(job(0, seconds=0.5, exit=1), tag(0), force=False).build
    folder = StateFolder(tmp_path).build(victim.id)
    until((folder.path / "begun").exists)
    for path in (folder.log, folder.result, folder.progress):
        with path.open("wb") as file:
            file.truncate(2**30)
            file.seek(2**30)
            file.write(b'\n{"t":1,"line":"after it"}\n')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert ended(it, victim.id).state is State.ERRORED
    lines: tuple[str, ...] = ()
    cursor = ""
    for _ in range(40):
        page = it.logs(victim.id, cursor)
        assert page is not None
        lines, cursor = lines + page.lines, page.cursor
        if page.done:
            break
    assert lines == ("after it",), "found within a few pages"
    everybody_else_is_built(it)
    it.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_a_job_that_does_not_end_even_when_killed_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a process that hangs in the kernel, on an unreachable network file system."""
    it = runner(tmp_path, concurrent_builds=1, patience=JobPatience(deadline=0.3, kill=0.2, look=0.02))
    victim = it.ensure(job(0, seconds=3), tag(0), force=False).build
    until((StateFolder(tmp_path).build(victim.id).path / "begun").exists)
    monkeypatch.setattr(JobProcess, "signal", lambda process, number: None)
    monkeypatch.setattr(JobProcess, "sweep", lambda process: None)
    it.cancel(victim.id)
    assert ended(it, victim.id, 5).state is State.CANCELLED
    monkeypatch.undo()
    everybody_else_is_built(it)
    it.close()


def test_a_pid_of_another_process_is_not_signalled(tmp_path: Path) -> None:
    """The pid file is damaged, or older than the machine's last boot."""
    first = runner(tmp_path)
    build = first.ensure(job(0, seconds=60), tag(0), force=False).build
    folder = StateFolder(tmp_path).build(build.id)
    until((folder.path / "begun").exists)
    first.close()
    innocent = os.posix_spawn("/bin/sleep", ["sleep", "60"], {}, setsid=True)
    folder.pid.write_text(f"{innocent}\n")
    again = runner(tmp_path)
    again.cancel(build.id)
    assert ended(again, build.id).state is State.CANCELLED
    again.close()
    assert os.waitpid(innocent, os.WNOHANG) == (0, 0)
    os.kill(innocent, 9)
    os.waitpid(innocent, 0)


def test_nobody_waits_for_the_disk_of_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that hangs delays only requests for that image; other requests, looks, cancels and lists continue."""
    from boatyard_local import durable

    original, going = durable.create, threading.Event()
    hanging = threading.Event()

    def create(path: Path, data: bytes) -> None:
        if VICTIM in str(path):
            hanging.set()
            assert going.wait(30)
        original(path, data)

    monkeypatch.setattr(durable, "create", create)
    it = runner(tmp_path, concurrent_builds=1)
    slow = [threading.Thread(target=lambda: it.ensure(job(0, seconds=0), tag(0), force=False)) for _ in range(2)]
    for thread in slow:
        thread.start()
    try:
        assert hanging.wait(10)
        before = time.monotonic()
        everybody_else_is_built(it)
        assert it.list(BuildQuery()).builds and it.cancel(f"{tag(1)}-1")
        assert time.monotonic() - before < 10 and all(thread.is_alive() for thread in slow)
    finally:
        going.set()
        for thread in slow:
            thread.join()
    assert ended(it, VICTIM).state is State.SUCCEEDED
    assert len([build for build in it.list(BuildQuery()).builds if build.id.startswith(tag(0))]) == 1
    it.close()
