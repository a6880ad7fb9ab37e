"""A background server is reused while its code and settings match, replaced otherwise, and stopped at the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from boatyard_local import ServeError, SettingsError, server_process
from boatyard_local.background import ensure_server
from boatyard_local.jobs.halt import halt
from boatyard_local.jobs.process import is_locked
from boatyard_local.server_process import process_start
from boatyard_local.state import StateFolder
from tests.local.jobs import job, runner, tag, until
from tests.local.servers import ROOT


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    server_process.stop(tmp_path / "state")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "boatyard.toml"
    path.write_text('defaultRepository = "127.0.0.1:1/images"\n')
    return path


def test_it_is_started_once_and_again_when_settings_change(state: Path, config: Path) -> None:
    first = ensure_server(state, config=config)
    assert first.how == "started"
    assert httpx.get(f"{first.server.url}/healthz").status_code == 200
    assert os.getsid(first.server.pid) == first.server.pid, "it outlives the terminal"
    assert ensure_server(state, config=config) == (first.server, "running")
    config.write_text('defaultRepository = "127.0.0.1:2/images"\n')
    second = ensure_server(state, config=config)
    assert second.how == "restarted" and second.server.pid != first.server.pid
    assert second.server.url == first.server.url, "callers with the URL can continue to use it"
    assert process_start(first.server.pid) is None
    assert StateFolder(state).server_log.stat().st_mode & 0o777 == 0o600


def test_one_that_was_killed_is_started_again(state: Path, config: Path) -> None:
    first = ensure_server(state, config=config)
    os.kill(first.server.pid, signal.SIGKILL)
    until(lambda: server_process.find(StateFolder(state)) is None)
    assert ensure_server(state, config=config).how == "started"


def test_why_it_does_not_start_is_one_line(state: Path, config: Path) -> None:
    state.mkdir()
    (state / "builds").symlink_to("a disk that is away", target_is_directory=True)
    with pytest.raises(ServeError, match="did not start") as refused:
        ensure_server(state, config=config)
    assert "\n" not in str(refused.value) and "builds cannot be used" in str(refused.value)
    config.write_text("wrong = 1\n")
    with pytest.raises(SettingsError, match="wrong"):
        ensure_server(state, config=config)


def test_stop_and_its_jobs(tmp_path: Path) -> None:
    it = runner(tmp_path)
    build = it.ensure(job(seconds=60, deaf=True, child=True), tag(), force=False).build
    folder = StateFolder(tmp_path).build(build.id)
    until((folder.path / "begun").exists)
    it.close()
    assert halt(StateFolder(tmp_path), patience=0.2) == 1
    assert not is_locked(folder)
    child = int((folder.path / "child").read_text())
    until(lambda: process_start(child) is None)
    assert halt(StateFolder(tmp_path)) == 0


def test_the_command_of_make_clean_is_safe_to_repeat(state: Path, config: Path) -> None:
    started = ensure_server(state, config=config)
    for _ in range(2):
        stop = [sys.executable, "-m", "boatyard_local", "stop", "--jobs", "--state", str(state)]
        assert subprocess.run(stop, cwd=ROOT, timeout=30, check=False).returncode == 0
    assert process_start(started.server.pid) is None


def test_a_process_is_named_by_its_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        assert process_start(other.pid) == process_start(other.pid) != process_start(os.getpid())
        other.kill()
    assert process_start(other.pid) is None
