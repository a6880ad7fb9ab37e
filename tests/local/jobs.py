"""Jobs for the stand-in, and functions that wait for them."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boatyard.build import Build, BuildId
from boatyard.job import BuildJob
from boatyard.settings import Limits
from boatyard_local.clock import SystemClock
from boatyard_local.jobs import JobPatience, LocalJobRunner
from boatyard_local.state import BuildFolder, StateFolder

STAND_IN = Path(__file__).with_name("stand_in.py")
QUICK = JobPatience(deadline=0.3, kill=0.5, look=0.02)


def argv(folder: BuildFolder, build: Build) -> list[str]:
    return [sys.executable, "-S", "-E", str(STAND_IN), str(folder.job), str(folder.path)]


def tag(number: int = 0) -> str:
    return f"{number:032x}"


def job(number: int = 0, *, timeout: int = 60, **script: Any) -> Callable[[int], BuildJob]:
    """A job that does what `script` says, or without one what orders.jsonl says later."""
    text = f"# stand-in: {json.dumps(script)}\n" if script else "FROM scratch\n"

    def make(attempt: int) -> BuildJob:
        return BuildJob(
            id=str(BuildId(tag(number), attempt)),
            key=tag(number) * 2,
            attempt=attempt,
            project="default",
            domain="development",
            target=f"127.0.0.1:5000/images/image:{tag(number)}",
            platforms=("linux/amd64",),
            dockerfile=text,
            timeout_seconds=timeout,
        )

    return make


def runner(path: Path, *, patience: JobPatience = QUICK, **limits: int) -> LocalJobRunner:
    settings = Limits(**{"concurrent_builds": 4, **limits})
    return LocalJobRunner(StateFolder(path), SystemClock(), argv=argv, limits=settings, patience=patience).open()


def until(true: Callable[[], Any], seconds: float = 10.0, pause: float = 0.005) -> Any:
    """Waits until `true` returns a true value, and returns it. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)
    return value


def ended(runner: LocalJobRunner, build_id: str, seconds: float = 10.0) -> Build:
    def look() -> Build | None:
        build = runner.status(build_id)
        return build if build and build.state.ended else None

    return until(look, seconds)  # type: ignore[no-any-return]
