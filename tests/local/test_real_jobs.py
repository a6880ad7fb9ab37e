"""Real builds and real kills: the runner keeps its promises with BuildKit and a registry."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from boatyard_local.state import StateFolder
from tests.local.jobs import until
from tests.local.servers import ROOT, bearer

pytestmark = pytest.mark.integration
CONFIG = ROOT / ".boatyard/boatyard.toml"
BASE = "python:3.11-slim"
IN_SIGHT = Path("/proc/self").exists()
"""On a machine without /proc the engine is in a virtual machine, and its processes cannot be seen."""


class Real:
    """The server with its real wiring, on its own state folder."""

    def __init__(self, state: Path) -> None:
        self.state = StateFolder(state)
        self.http = httpx.Client(timeout=60)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "boatyard_local", "serve", "--state", str(self.state.path), "--config", str(CONFIG)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.http.base_url = httpx.URL(self.process.stdout.readline().strip())
        self.http.headers.update(bearer(self.state.path))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def build(self, *commands: str) -> str:
        """Requests an image that did not exist before."""
        unique = f"echo {time.time_ns()}"
        spec = {
            "baseImage": BASE,
            "pythonVersion": "3.11",
            "layers": [{"commands": {"cmd": [unique]}}, {"commands": {"cmd": list(commands)}}],
        }
        self._request = {"spec": spec, "target": {"name": "kills"}}
        return self.ask()

    def ask(self) -> str:
        """Requests the image of the last `build` again."""
        answer = self.http.post("/v1/builds", json=self._request)
        assert answer.status_code == 202, answer.text
        self.order = answer.json()
        build_id: str = self.order["id"]
        return build_id

    def reaches(self, build_id: str, line: str) -> None:
        until(lambda: any(line in told for told in self.logs(build_id)), 60, pause=0.1)

    def logs(self, build_id: str) -> list[str]:
        lines: list[str] = self.http.get(f"/v1/builds/{build_id}/logs").json()["lines"]
        return lines

    def end(self, build_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            build: dict[str, Any] = self.http.get(f"/v1/builds/{build_id}?wait=10").json()
            return build if build["state"] not in ("QUEUED", "RUNNING") else None

        return until(look, 120)  # type: ignore[no-any-return]

    def pushed(self) -> bool:
        target: str = self.order["target"]
        return self.http.get(f"/v1/images/{target}").status_code == 200


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    assert CONFIG.is_file(), "the engine is not set up: python -m boatyard_local.engine ensure"
    started = Real(tmp_path / "state")
    yield started
    started.kill()
    started.http.close()


def test_a_server_killed_while_it_builds_tells_how_the_build_ended(real: Real) -> None:
    build_id = real.build("echo under-way; sleep 3")
    real.reaches(build_id, "under-way")
    real.kill()
    real.start()
    build = real.end(build_id)
    assert build["state"] == "SUCCEEDED", build
    assert "@sha256:" in build["image"] and real.pushed()
    assert [phase["phase"] for phase in build["phases"]][-1] == "PUSH"


def test_a_killed_job_is_lost_pushes_nothing_and_can_be_built_again(real: Real) -> None:
    step = LongStep()
    build_id = real.build(step.command)
    step.begins(real, build_id)
    folder = real.state.build(build_id)
    os.kill(int(folder.pid.read_text()), signal.SIGKILL)
    build = real.end(build_id)
    assert (build["state"], build["error"]["code"]) == ("ERRORED", "BUILDER_LOST")
    until(lambda: not processes_of(folder.path))
    assert not folder.work.exists(), "it held credentials"
    step.ends()
    assert not real.pushed(), "what the job started went on without it"
    again = real.ask()
    assert again != build_id
    step.begins(real, again)
    real.http.post(f"/v1/builds/{again}/cancel")


def test_a_cancelled_build_stops_and_pushes_nothing(real: Real) -> None:
    step = LongStep()
    build_id = real.build(step.command)
    step.begins(real, build_id)
    asked = time.monotonic()
    real.http.post(f"/v1/builds/{build_id}/cancel")
    build = real.end(build_id)
    assert (build["state"], build["error"]["code"]) == ("CANCELLED", "CANCELLED")
    assert time.monotonic() - asked < 30
    assert not processes_of(real.state.build(build_id).path)
    step.ends()
    assert not real.pushed()


class LongStep:
    """A RUN step that lasts longer than any test, and whose processes can be recognised.

    The shell composes its output, which the command does not contain. So the log has it only once the step runs.
    """

    def __init__(self) -> None:
        self._seconds = f"600.{time.time_ns()}"
        self._words = f"step-{600 * 2}-runs"
        self.command = f"echo step-$((600*2))-runs; sleep {self._seconds}"

    def begins(self, real: Real, build_id: str) -> None:
        real.reaches(build_id, self._words)
        if IN_SIGHT:
            until(self._processes, 10, pause=0.05)

    def ends(self) -> None:
        """BuildKit has also ended the step's processes, so no process is left that could push."""
        if IN_SIGHT:
            until(lambda: not self._processes(), 30, pause=0.1)

    def _processes(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[:2] == [b"sleep", self._seconds.encode()]:
                    found.append(int(entry.name))
        return found


def processes_of(folder: Path) -> list[str]:
    """The command lines of a job's running processes."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
