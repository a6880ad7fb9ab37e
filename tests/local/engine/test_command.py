import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from boatyard_local.engine.command import ChildProcesses, ask
from boatyard_local.engine.model import EngineError


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(path: Path) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and alive(pid):
        time.sleep(0.01)
    return not alive(pid)


def test_a_failure_names_the_step_its_last_words_and_the_log(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        ChildProcesses(tmp_path).run(["sh", "-c", "echo one; echo E: two >&2; exit 3"], what="fetching", log="f")
    assert str(caught.value) == f"fetching failed: one / E: two (all of it: {tmp_path / 'f.log'})"


def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! >{tmp_path / 'pid'}; wait"
    with pytest.raises(EngineError, match="longer than 1 s"):
        ChildProcesses(tmp_path).run(["sh", "-c", script], what="waiting", log="w", timeout=1)
    assert gone(wait_for(tmp_path / "pid"))


def test_cancelling_ends_what_runs_and_starts_no_more(tmp_path: Path) -> None:
    commands = ChildProcesses(tmp_path)
    threading.Timer(0.3, commands.cancel).start()
    begin = time.monotonic()
    with pytest.raises(EngineError):
        commands.run(["sleep", "60"], what="waiting", log="w")
    assert time.monotonic() - begin < 5
    with pytest.raises(EngineError, match="cancelled"):
        commands.run(["true"], what="more", log="m")


def test_a_child_does_not_outlive_us_when_we_are_killed(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from boatyard_local.engine.command import ChildProcesses
children = ChildProcesses(Path({str(tmp_path)!r}))
children.run(["sh", "-c", "echo $$ >{tmp_path / "pid"}; exec sleep 60"], what="w", log="w")
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        pid = wait_for(tmp_path / "pid")
        os.kill(parent.pid, signal.SIGKILL)
    assert gone(pid)


def test_a_question_to_a_missing_or_silent_program_has_no_answer() -> None:
    assert ask(["/nowhere/docker", "version"]) is None
    assert ask(["sleep", "10"], timeout=0.1) is None
    answer = ask(["sh", "-c", "echo yes"])
    assert answer is not None
    assert answer.stdout == "yes\n"
