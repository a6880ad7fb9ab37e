"""No program outlives the job, or its cancellation."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from boatyard_layers.sandbox.programs import running

SLEEPER = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '300']).pid, flush=True); time.sleep(300)"
JOB = """
import sys, time
from pathlib import Path
from boatyard_layers.sandbox.programs import running
with running(["/bin/sleep", "300"], environment={}, folder=Path("/")) as program:
    print(program._process.pid, flush=True)
    program.wait(300)
"""


def gone(pid: int) -> bool:
    """Whether the process has ended, within seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.02)
                continue
        return True
    return False


class StopError(BaseException):
    pass


def test_what_the_check_raises_ends_the_program_and_its_children(tmp_path: Path) -> None:
    def stop() -> None:
        raise StopError

    with (tmp_path / "out").open("wb") as out, pytest.raises(StopError):  # noqa: SIM117
        with running([sys.executable, "-c", SLEEPER], environment={}, folder=tmp_path, stdout=out) as program:
            pid = program._process.pid
            while not (tmp_path / "out").read_bytes().endswith(b"\n"):
                time.sleep(0.02)
            program.wait(300, stop)
    assert gone(pid)
    assert gone(int((tmp_path / "out").read_bytes()))


def test_a_killed_job_leaves_no_program() -> None:
    with subprocess.Popen([sys.executable, "-c", JOB], stdout=subprocess.PIPE) as job:
        assert job.stdout
        pid = int(job.stdout.readline())
        time.sleep(0.3)  # also a program that has only begun to start ends; this one sleeps
        job.send_signal(signal.SIGKILL)
        assert gone(pid)


def test_it_ends_in_time_or_not_at_all(tmp_path: Path) -> None:
    with running(["/bin/sleep", "300"], environment={}, folder=tmp_path) as program, pytest.raises(TimeoutError):
        program.wait(0.3)
    with running(["/bin/true"], environment={}, folder=tmp_path) as program:
        assert program.wait(60) == 0


def test_a_secret_is_in_no_argument(tmp_path: Path) -> None:
    with running(["/bin/sleep", "300"], environment={"TOKEN": "s3cret"}, folder=tmp_path) as program:
        pid = program._process.pid
        while b"sleep" not in (words := Path(f"/proc/{pid}/cmdline").read_bytes()):
            assert b"s3cret" not in words
    assert gone(pid)
