"""A process that is ready for the next job: it runs it as one that is started for it, and nothing depends on it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boatyard.build import State
from boatyard_buildkit import handover
from boatyard_local.jobs import stragglers
from boatyard_local.jobs.process import read_pid
from boatyard_local.jobs.standby import Inherited, Standby
from boatyard_local.module_argv import module_argv
from boatyard_local.state import BuildFolder
from tests.local.job_site import Site
from tests.local.jobs import ended, until

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="it looks at processes in /proc")
NAME = b"boatyard_buildkit.standby"
ARGV = [*module_argv("boatyard_buildkit"), "--job", "/no/such/job.json", "--out", "."]


def runs(pid: int) -> bool:
    """Whether it was started as a process on standby, and has not ended."""
    try:
        return NAME in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def children() -> list[int]:
    """Those of this process that are on standby, or were."""
    return [
        int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split() if runs(int(each))
    ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "state")
    try:
        yield made
    finally:
        made.runner.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A URL that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/context.tar.gz"


def waiting(site: Site, silent: str) -> tuple[str, int]:
    """A build whose job has been taken over by a process on standby, and that process."""
    first = site.build(0, b"no archive")
    assert ended(site.runner, first.id, 30).state is State.FAILED
    until(lambda: site.runner._scheduler._standby._ready)
    build = site.build(1, b"no archive", url=silent)
    pid = until(lambda: read_pid(site.state.build(build.id)), 30)
    assert runs(pid)
    return build.id, pid


def test_it_runs_the_next_job_and_then_another_is_ready(site: Site) -> None:
    for number in range(3):
        build = site.build(number, b"no archive")
        done = ended(site.runner, build.id, 30)
        assert done.state is State.FAILED and done.error and done.error.code == "CONTEXT_INVALID"
        folder = site.state.build(build.id)
        assert not folder.work.exists() and folder.output.read_text() == ""
        until(lambda: site.runner._scheduler._standby._ready)


def test_its_job_is_cancelled(site: Site, silent: str) -> None:
    build, pid = waiting(site, silent)
    site.runner.cancel(build)
    assert ended(site.runner, build, 30).state is State.CANCELLED
    assert not runs(pid)


def test_the_next_server_finds_its_job_and_cancels_it(site: Site, silent: str) -> None:
    build, pid = waiting(site, silent)
    site.runner.close()
    assert runs(pid)
    site.runner = site.open()
    status = site.runner.status(build)
    assert status and status.state is State.RUNNING
    site.runner.cancel(build)
    assert ended(site.runner, build, 30).state is State.CANCELLED
    until(lambda: not (Path("/proc") / str(pid) / "fd/1").exists())


def test_it_is_one_of_the_jobs_processes_and_of_no_other(site: Site, silent: str) -> None:
    build, pid = waiting(site, silent)
    folder = site.state.build(build)
    assert stragglers.belongs(folder, pid)
    assert not stragglers.belongs(BuildFolder(folder.path.with_name("another")), pid)
    stragglers.end(folder, pid)
    assert ended(site.runner, build, 30).state is State.ERRORED


def test_who_only_reads_the_folder_is_left_alone(tmp_path: Path) -> None:
    folder = BuildFolder(tmp_path)
    folder.lock.touch()
    with folder.lock.open("rb") as lock, subprocess.Popen(["sleep", "60"], stdin=lock) as reader:
        assert not stragglers.belongs(folder, reader.pid)
        stragglers.end(folder, None)
        assert reader.poll() is None
        reader.kill()


def inherited(folder: BuildFolder) -> Inherited:
    descriptors = [os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in (folder.lock, folder.output)]
    return Inherited(lock=descriptors[0], output=descriptors[1], environment={"MARK": "here"})


@pytest.fixture
def ready() -> Iterator[Callable[[float], Standby]]:
    made: list[Standby] = []

    def make(idle_seconds: float) -> Standby:
        standby = Standby(idle_seconds)
        made.append(standby)
        standby._wanted = True
        standby.prepare()
        return standby

    yield make
    for each in made:
        each.close()


def test_a_job_that_cannot_be_read_is_refused_in_its_own_output(
    tmp_path: Path, ready: Callable[[float], Standby]
) -> None:
    folder = BuildFolder(tmp_path)
    process = ready(60).start(folder, ARGV, inherited(folder))
    assert process and process.wait(30) == 2
    assert read_pid(folder) == process.pid
    assert "/no/such/job.json cannot be read" in folder.output.read_text()


def test_one_that_was_killed_is_not_asked(tmp_path: Path, ready: Callable[[float], Standby]) -> None:
    standby = ready(60)
    assert standby._ready
    standby._ready.process.kill()
    standby._ready.process.wait()
    folder = BuildFolder(tmp_path)
    assert standby.start(folder, ARGV, inherited(folder)) is None
    standby.prepare()
    assert standby.start(folder, ARGV, inherited(folder)) is not None


def test_another_program_is_not_given_to_it(tmp_path: Path, ready: Callable[[float], Standby]) -> None:
    standby = ready(60)
    folder = BuildFolder(tmp_path)
    assert standby.start(folder, ["/bin/true"], inherited(folder)) is None
    assert standby._ready is not None


def test_it_ends_when_nothing_comes(ready: Callable[[float], Standby]) -> None:
    standby = ready(0.2)
    until(lambda: standby._ready is None)
    until(lambda: not children())


SERVER = """
import sys, time
from boatyard_local.jobs.standby import Standby
it = Standby()
it._wanted = True
it.prepare()
print(it._ready.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_server(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        pid = int(server.stdout.readline())
        until(lambda: runs(pid))
        server.send_signal(number)
        server.wait(10)
    until(lambda: not runs(pid))


def test_the_jobs_children_get_no_lock(tmp_path: Path) -> None:
    own, its = socket.socketpair()
    assignment = handover.Assignment(arguments=["a"], folder="/", pid_file="/p", environment={"A": "1"})
    with own, its, (tmp_path / "lock").open("wb") as lock, (tmp_path / "output").open("wb") as output:
        handover.send(assignment, own, lock=lock.fileno(), output=output.fileno())
        received = handover.receive(its)
        assert received and received.assignment == assignment
        assert not os.get_inheritable(received.lock)
        assert os.path.sameopenfile(received.lock, lock.fileno())
        assert os.path.sameopenfile(received.output, output.fileno())
        for descriptor in (received.lock, received.output):
            os.close(descriptor)
        own.close()
        assert handover.receive(its) is None
