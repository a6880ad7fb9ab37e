"""Jobs that are stopped, killed, or lose their BuildKit."""

import os
import secrets as random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard.build import State
from boatyard.job import BuildJob
from boatyard_buildkit import outbox
from tests.buildkit.engine import Engine, log_of

pytestmark = pytest.mark.integration


def sleeper(engine: Engine) -> tuple[BuildJob, str]:
    """A job whose last step sleeps, and a text that identifies its command line."""
    mark = f"{300 + random.randbelow(10**6) / 10**6}"
    return engine.job([{"commands": {"cmd": [f"echo asleep; sleep {mark}"]}}]), mark


def begin(engine: Engine, job: BuildJob, out: Path) -> subprocess.Popen[bytes]:
    process = engine.start(job, out)
    eventually(lambda: "] asleep" in log_of(out))
    return process


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def running(words: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if words in line and str(os.getpid()) != folder.name:
            found.append(line)
    return found


def test_a_cancelled_job_says_so_and_leaves_nothing_running(engine: Engine, tmp_path: Path) -> None:
    job, mark = sleeper(engine)
    process = begin(engine, job, tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 1
    result = outbox.read_result(tmp_path)
    assert result and result.error
    assert (result.state, result.error.code) == (State.CANCELLED, "CANCELLED")
    assert not (tmp_path / "work").exists()
    eventually(lambda: not running(mark) and not running(str(tmp_path)))


def test_a_second_signal_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    job, _ = sleeper(engine)
    process = begin(engine, job, tmp_path)
    for _ in range(5):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
    process.wait(15)
    result = outbox.read_result(tmp_path)
    assert result and result.state is State.CANCELLED


def test_a_killed_job_leaves_no_result_and_nothing_running(engine: Engine, tmp_path: Path) -> None:
    job, mark = sleeper(engine)
    process = begin(engine, job, tmp_path)
    process.kill()
    process.wait()
    assert outbox.read_result(tmp_path) is None
    eventually(lambda: not running(mark) and not running(str(tmp_path)))


def test_a_job_killed_before_can_run_again_in_the_same_place(engine: Engine, tmp_path: Path) -> None:
    job, _ = sleeper(engine)
    process = begin(engine, job, tmp_path)
    process.kill()
    process.wait()
    assert (tmp_path / "work").exists()
    assert engine.build(engine.job([{"commands": {"cmd": ["true"]}}]), tmp_path).state is State.SUCCEEDED
    assert not (tmp_path / "work").exists()


def test_buildkits_client_is_killed(engine: Engine, tmp_path: Path) -> None:
    job, _ = sleeper(engine)
    process = begin(engine, job, tmp_path)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert process.wait(15) == 2
    result = outbox.read_result(tmp_path)
    assert result and result.error
    assert (result.state, result.error.code) == (State.ERRORED, "BUILDER_LOST")
    assert result.error.log_tail == ("asleep",)


def test_a_reader_follows_the_log_while_it_grows(engine: Engine, tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.1; done; : " + random.token_hex(8)
    job = engine.job([{"commands": {"cmd": [script]}}])
    read: list[str] = []

    def follow() -> None:
        offset = 0
        while True:
            ended = outbox.read_result(tmp_path) is not None
            page = outbox.read_log(tmp_path, offset)
            read.extend(line.line for line in page.lines)
            offset = page.offset
            if ended and not page.lines:
                return
            time.sleep(0.02)

    reader = threading.Thread(target=follow)
    reader.start()
    engine.build(job, tmp_path)
    reader.join(30)
    assert "\n".join(read) == log_of(tmp_path)
    assert [line.rpartition("] ")[2] for line in read if "] line" in line] == [f"line {i}" for i in range(1, 9)]
