import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from boatyard_local.engine.processes import Daemon, Process, is_running, parse_stat

STAT = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 9 0 987654 1 2 3"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    binaries = tmp_path / "root"
    binaries.mkdir()
    shutil.copy("/bin/sleep", binaries / "sleep")
    return Daemon("sleep", tmp_path / "run/sleep.process", binaries)


def start(daemon: Daemon, tmp_path: Path, seconds: str = "60") -> Process:
    daemon.start([daemon.binaries / "sleep", seconds], env=dict(os.environ), log=tmp_path / "log/sleep.log")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if (process := daemon.running()) is not None:
            return process
        time.sleep(0.01)
    raise AssertionError("it did not start")


def test_a_command_with_spaces_and_brackets_does_not_confuse_the_record() -> None:
    assert parse_stat(STAT) == Process(4711, 987654)


@pytest.mark.parametrize("line", ["", "4711", "4711 (sleep) S 1", "x"])
def test_a_broken_record_is_no_process(line: str) -> None:
    with pytest.raises(ValueError, match=r"PID/stat|invalid literal"):
        parse_stat(line)


def test_it_runs_in_a_session_of_its_own_until_it_is_stopped(daemon: Daemon, tmp_path: Path) -> None:
    process = start(daemon, tmp_path)
    assert os.getsid(process.pid) != os.getsid(0)
    assert daemon.stop()
    assert daemon.running() is None
    assert not daemon.stop()


def test_what_ignores_the_polite_signal_is_killed(tmp_path: Path, daemon: Daemon) -> None:
    stubborn = daemon.binaries / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n")
    stubborn.chmod(0o755)
    daemon.start([stubborn], env=dict(os.environ), log=tmp_path / "log")
    time.sleep(0.3)
    assert daemon.running() is not None
    daemon.stop(patience=0.3)
    assert daemon.running() is None


def test_a_pid_that_was_given_to_another_process_is_left_alone(daemon: Daemon, tmp_path: Path) -> None:
    process = start(daemon, tmp_path)
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    daemon.record.write_text(stat.replace(str(process.started), str(process.started - 1)))
    assert daemon.running() is None
    assert not daemon.stop()
    assert is_running(process, daemon.binaries)
    daemon.record.write_text(stat)
    assert daemon.stop()


def test_a_process_of_other_binaries_is_left_alone(daemon: Daemon, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        daemon.record.parent.mkdir(parents=True)
        daemon.record.write_text(Path(f"/proc/{other.pid}/stat").read_text())
        assert not daemon.stop()
        assert other.poll() is None
        other.kill()


def test_a_long_log_is_begun_anew(daemon: Daemon, tmp_path: Path) -> None:
    log = tmp_path / "log/sleep.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (5 * 1024**2))
    start(daemon, tmp_path, "0.5")
    assert log.stat().st_size == 0
    daemon.stop()
