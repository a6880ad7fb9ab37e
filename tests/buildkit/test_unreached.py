"""A job waits for an unreachable BuildKit and reports it; it does not wait for one that answers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from boatyard.build import Build, Phase, State
from boatyard.job import JobProgress, JobResult
from boatyard.lifecycle import progressed, queued, running
from boatyard_buildkit import outbox
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.redaction import Redactor
from boatyard_buildkit.unreached import TLS_SECONDS, when_reached
from tests.buildkit import jobs
from tests.local.jobs import job as make_job

LISTING = "failed to list workers: Unavailable: connection error: desc = "
REFUSED = LISTING + '"transport: Error while dialing: dial tcp 10.0.0.9:1234: connect: connection refused"'
HANDSHAKE = LISTING + '"transport: authentication handshake failed: tls: failed to verify certificate: x509: unknown"'


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.time += seconds


def ended(error: str, *, code: int = 1, vertex: str = "") -> Ended:
    return Ended(exit_code=code, vertex=vertex, step=None, error=error, line=None, output=(), text=())


def wait(folder: Path, *ends: Ended, seconds: float = 600) -> tuple[Ended, int, float, list[str]]:
    """Returns (result, attempts, seconds waited, reasons for waiting). The last end is repeated."""
    clock, progress, asked = Clock(), ProgressFile(folder / outbox.PROGRESS), 0
    log = LogFile(folder / outbox.LOG, Redactor([]))
    told: list[str] = []

    def solve() -> Ended:
        nonlocal asked
        asked += 1
        return ends[min(asked, len(ends)) - 1]

    def pause(length: float) -> None:
        told.append(outbox.read_progress(folder).waiting)
        clock.pause(length)

    found = when_reached(solve, seconds, progress, log, now=clock.now, pause=pause)
    log.close()
    return found, asked, clock.time, told


def test_a_buildkitd_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    found, asked, waited, told = wait(tmp_path, ended(REFUSED), ended(REFUSED), ended("", code=0))
    assert found.exit_code == 0 and asked == 3 and 0 < waited < 5
    assert told and all("10.0.0.9:1234: connect: connection refused" in why for why in told)
    lines = [line.line for line in outbox.read_log(tmp_path).lines]
    assert len([line for line in lines if "waiting for it" in line]) == 1, "said once, not each time"


def test_one_that_stays_away_is_left_in_the_end(tmp_path: Path) -> None:
    found, asked, waited, _ = wait(tmp_path, ended(REFUSED), seconds=600)
    assert found.error == REFUSED and waited == pytest.approx(600) and asked < 200


def test_a_handshake_that_fails_is_waited_for_no_longer_than_a_renewal_takes(tmp_path: Path) -> None:
    _, _, waited, _ = wait(tmp_path, ended(HANDSHAKE), seconds=600)
    assert waited == pytest.approx(TLS_SECONDS)
    _, _, short, _ = wait(tmp_path, ended(HANDSHAKE), seconds=10)
    assert short == pytest.approx(10)


@pytest.mark.parametrize(
    "end",
    [
        ended("", code=0),
        ended("failed to solve: dockerfile parse error on line 1"),
        ended("error reading from server: EOF"),
        ended(REFUSED, vertex="[2/2] RUN buildctl debug workers"),
        ended(REFUSED, code=-9),
    ],
)
def test_what_buildkit_said_or_a_step_printed_is_no_reason_to_wait(tmp_path: Path, end: Ended) -> None:
    found, asked, waited, _ = wait(tmp_path, end)
    assert (found, asked, waited) == (end, 1, 0)


def test_nobody_waits_where_the_deployment_does_not_ask_for_it(tmp_path: Path) -> None:
    assert wait(tmp_path, ended(REFUSED), seconds=0)[1:3] == (1, 0)


def test_a_build_whose_job_waits_is_queued_with_the_reason() -> None:
    build: Build = running(queued(make_job()(1), now=1), now=2)
    waiting = progressed(build, JobProgress(waiting="BuildKit cannot be reached: connection refused"))
    assert waiting.state is State.QUEUED and waiting.phase is None and waiting.step
    assert waiting.step.title == "waiting: BuildKit cannot be reached: connection refused"
    assert progressed(build, JobProgress()).state is State.RUNNING


def test_the_first_answer_ends_the_waiting(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path / outbox.PROGRESS)
    progress.enter(Phase.BUILD)
    progress.wait_for("it")
    assert outbox.read_progress(tmp_path).waiting == "it"
    progress.begun()
    found = outbox.read_progress(tmp_path)
    assert found.waiting == "" and found.phases[-1].phase is Phase.BUILD and found.phases[-1].seconds is None


BUILDCTL = """#!{python}
import pathlib, sys
count = pathlib.Path({count!r})
asked = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (asked + 1))
if asked < 3:
    sys.exit(print({refused!r}, file=sys.stderr) or 1)
print("error: failed to solve: dockerfile parse error on line 1: unknown instruction: X", file=sys.stderr)
sys.exit(1)
"""


def test_a_job_waits_and_goes_on_by_itself(tmp_path: Path) -> None:
    """The complete program, with a buildctl that is refused three times."""
    program, out = tmp_path / "buildctl", tmp_path / "out"
    program.write_text(
        BUILDCTL.format(python=sys.executable, count=str(tmp_path / "count"), refused=f"error: {REFUSED}")
    )
    program.chmod(0o755)
    (tmp_path / "job.json").write_bytes(msgspec.json.encode(jobs.make()))
    access = {"buildkitUri": "tcp://10.0.0.9:1234", "buildkit": {"buildctl": str(program)}, "waitSeconds": 60}
    (tmp_path / "settings.json").write_text(json.dumps(access))
    command = [sys.executable, "-m", "boatyard_buildkit", f"--job={tmp_path / 'job.json'}", f"--out={out}"]
    process = subprocess.Popen([*command, f"--buildkit={tmp_path / 'settings.json'}"], env=dict(os.environ))
    seen: set[str] = set()
    while process.poll() is None:
        seen.add(outbox.read_progress(out).waiting)
        time.sleep(0.05)
    assert any("connection refused" in why for why in seen)
    result = msgspec.json.decode((out / outbox.RESULT).read_bytes(), type=JobResult)
    assert result.error and result.error.code == "INVALID_DOCKERFILE"
    assert len((tmp_path / "count").read_text()) == 4
