"""The first process of buildkitd's container, run for real in its own pid namespace. The stand-in for buildkitd behaves
like the real one: after SIGTERM it waits for steps whose output is still open."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boatyard_kubernetes.supervisor import SCRIPT

UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
ROOTLESSKIT = """#!/bin/sh
# A child in namespaces of its own, and signals passed on to it.
unshare --mount "$@" &
child=$!
trap 'kill -TERM $child' TERM
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code
"""
BUILDKITD = """#!{python}
import pathlib, signal, subprocess, sys, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
here = pathlib.Path(sys.argv[1])
(here / "arguments").write_text(" ".join(sys.argv[1:]))
# A step: its first process has been killed, what it started goes on, in the step's mount namespace.
step = subprocess.Popen(
    ["unshare", "--mount", "sh", "-c", "setsid sleep 300 & exit 0"], stdout=subprocess.PIPE if {orphan} else None)
# A helper of buildkitd's own that has made itself a daemon, as fuse-overlayfs does.
subprocess.run(["sh", "-c", "setsid sleep 301 & exit 0"], stdout=subprocess.DEVNULL)
(here / "started").touch()
while not told:
    time.sleep(0.05)
if {orphan}:
    step.stdout.read()
(here / "stopped").touch()
sys.exit(7)
"""


RUNC = """#!{python}
# `runc run` as the subreaper of its step: it stays until all that the step started has ended.
import ctypes, json, os, pathlib, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
state = pathlib.Path(os.environ["XDG_RUNTIME_DIR"]) / "runc" / sys.argv[-1]
state.mkdir(parents=True)
step = subprocess.Popen(["unshare", "--mount", "sh", "-c", "setsid sleep 300 & sleep 2"])
(state / "state.json").write_text(json.dumps({{"id": sys.argv[-1], "init_process_pid": step.pid}}))
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""
BUILDKITD_WITH_RUNC = """#!{python}
import pathlib, subprocess, sys
here = pathlib.Path(sys.argv[1])
step = subprocess.Popen(["buildkit-runc", "run", "--bundle", "x", "the-step"])
(here / "started").touch()
step.wait()
(here / "stopped").touch()
sys.exit(7)
"""


class Container:
    def __init__(
        self, folder: Path, shell: list[str], *, orphan: bool = True, script: str = SCRIPT, buildkitd: str = ""
    ) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        for name, text in (
            ("rootlesskit", ROOTLESSKIT),
            ("buildkitd", buildkitd or BUILDKITD.format(python=sys.executable, orphan=orphan)),
            ("buildkit-runc", RUNC.format(python=sys.executable)),
        ):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        script = script.replace("/certs/", f"{folder}/certs/").replace("/etc/buildkit/", f"{folder}/config/")
        self.process = subprocess.Popen(
            [*UNSHARE, *shell, "-c", script, "buildkitd", str(folder), "--addr=a b"],
            env={"PATH": f"{programs}:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(folder)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.until(lambda: (folder / "started").exists())

    def until(self, what: Callable[[], bool], seconds: float = 20) -> float:
        """Waits for the condition. Returns the seconds that it took."""
        begun = time.monotonic()
        while not what():
            assert time.monotonic() - begun < seconds, "it did not happen"
            assert self.process.poll() is None or what(), self.process.communicate()[1]
            time.sleep(0.05)
        return time.monotonic() - begun

    def stop(self) -> None:
        """Sends SIGTERM to the container's first process, as the kubelet does."""
        os.kill(self._first(), signal.SIGTERM)

    def sleeping(self, seconds: int) -> bool:
        return bool(self.processes(f"sleep {seconds}"))

    def processes(self, words: str) -> list[int]:
        """The ids on this machine of the container's processes whose command lines contain these words."""
        own, found = Path(f"/proc/{self._first()}/ns/pid").readlink(), []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if words in command and (entry / "ns/pid").readlink() == own:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def _first(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])


SHELLS = [name for name in ("busybox", "dash", "sh") if shutil.which(name)][:2]
"""The image's is busybox's, which not every machine has."""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make user namespaces")
    yield ["busybox", "sh"] if request.param == "busybox" else [request.param]


def test_what_a_step_left_behind_goes_and_buildkitd_can_stop(tmp_path: Path, shell: list[str]) -> None:
    container = Container(tmp_path, shell)
    container.until(lambda: not container.sleeping(300))
    assert container.sleeping(301), "a process of buildkitd's own stays"
    container.stop()
    assert container.process.wait(20) == 7, "the exit code is buildkitd's"
    assert (tmp_path / "stopped").exists()
    assert (tmp_path / "arguments").read_text() == f"{tmp_path} --addr=a b"


def test_what_is_left_behind_while_it_stops_goes_too(tmp_path: Path, shell: list[str]) -> None:
    """Such as a build that is cancelled during a drain."""
    container = Container(tmp_path, shell)
    container.stop()
    assert container.process.wait(20) == 7


def test_what_runc_waits_for_goes_once_the_steps_first_process_has_ended(tmp_path: Path, shell: list[str]) -> None:
    container = Container(tmp_path, shell, buildkitd=BUILDKITD_WITH_RUNC.format(python=sys.executable))
    container.until(lambda: container.sleeping(300))
    assert container.sleeping(2), "a step that runs is left alone, and so is what it started"
    assert container.process.wait(20) == 7


def test_without_it_buildkitd_waits_for_what_was_left_behind(tmp_path: Path, shell: list[str]) -> None:
    """Proves that the stand-in shows the fault."""
    container = Container(tmp_path, shell, script='rootlesskit buildkitd "$@" & trap "kill -TERM $!" TERM; wait; wait')
    container.stop()
    with pytest.raises(subprocess.TimeoutExpired):
        container.process.wait(3)
    container.process.kill()


@pytest.mark.parametrize("folder", ["certs", "config"])
def test_a_new_certificate_or_configuration_restarts_it(tmp_path: Path, shell: list[str], folder: str) -> None:
    """The kubelet exchanges the link `..data` when the Secret or ConfigMap has changed."""
    for name in ("certs", "config"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "..data").symlink_to("..2026_01")
    container = Container(tmp_path, shell, orphan=False)
    time.sleep(2)
    assert container.process.poll() is None
    (tmp_path / "new").symlink_to("..2026_02")
    (tmp_path / "new").rename(tmp_path / folder / "..data")
    assert container.process.wait(20) == 7
    assert "changed: restarting" in container.process.communicate()[1]


def test_its_end_is_buildkitds_end(tmp_path: Path, shell: list[str]) -> None:
    container = Container(tmp_path, shell, orphan=False)
    for process in container.processes(f"bin/buildkitd {tmp_path}"):
        os.kill(process, signal.SIGKILL)
    assert container.process.wait(20) in (137, -signal.SIGKILL)
