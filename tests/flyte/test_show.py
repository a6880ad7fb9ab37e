"""What people see: one line a step without a terminal, a live line a build with one."""

import io
from typing import Any

import pytest
from rich.console import Console

from boatyard.api.messages import BuildAnswer
from boatyard.build import Build, Failure, Phase, State, Step
from boatyard_client.client import Outcome
from boatyard_client.errors import BuildFailedError
from boatyard_client.events import Accepted, Changed, Log, Uploading, Waiting
from boatyard_flyte.errors import explained
from boatyard_flyte.show import shown
from boatyard_flyte.show.progress import Progress, duration, size
from boatyard_flyte.show.screen import Screen


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def changed(**fields: Any) -> Changed:
    return Changed(
        build=Build(
            **{
                "id": "i",
                "key": "k",
                "attempt": 1,
                "target": "t",
                "project": "p",
                "domain": "d",
                "platforms": (),
                "state": State.RUNNING,
                "created_at": 0,
                **fields,
            }
        )
    )


def step(number: int) -> Changed:
    return changed(phase=Phase.BUILD, step=Step(number=number, total=9, title="with_commands(['x'])"))


def outcome(**fields: Any) -> Outcome:
    answer = BuildAnswer(key="k", target="t", platforms=(), state=State.SUCCEEDED, id="the-id", **fields)
    return Outcome(answer=answer, image="r@sha256:1")


def test_headlines_change_when_something_else_happens() -> None:
    clock = Clock()
    progress = Progress("hello", clock)
    accepted = Accepted(id="b", key="k", target="t", state=State.QUEUED, joined=False)
    told = [
        (event, progress.event(event), progress.headline)
        for event in (
            Uploading(sent=0, total=2_000_000),
            Uploading(sent=1_000_000, total=2_000_000),
            accepted,
            changed(state=State.QUEUED),
            changed(phase=Phase.IMPORT_CACHE),
            step(3),
            Log(lines=("noise",)),
            step(3),
            step(4),
            Waiting(reason="it restarts", seconds=2),
            changed(phase=Phase.PUSH),
            changed(state=State.SUCCEEDED),
        )
    ]
    assert [headline for _, new, headline in told if new] == [
        "uploading 2 MB",
        "accepted as build b",
        "queued",
        "importing the cache",
        "step 3 of 9: with_commands(['x'])",
        "step 4 of 9: with_commands(['x'])",
        "it restarts; asking again in 2 s",
        "pushing",
    ]


def test_the_last_line_says_how_long_it_took_or_that_it_was_there() -> None:
    clock = Clock()
    progress = Progress("hello", clock)
    clock.now = 72.4
    assert progress.ending(outcome()) == "built in 1 min 12 s: r@sha256:1"
    clock.now = 0.12
    assert progress.ending(outcome(cached=True)) == "cached, answered in 0.1 s: r@sha256:1"
    assert "follow it with: boatyard logs -f the-id" in progress.ending(Outcome(answer=outcome().answer))


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("hello") as view:
        view.event(step(1))
        view.event(step(1))
        view.event(step(2))
        view.finish(outcome())
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line.partition(" (")[0] for line in captured.err.splitlines()]
    assert lines[:2] == [f"[boatyard] hello: step {n} of 9: with_commands(['x'])" for n in (1, 2)]
    assert lines[2].startswith("[boatyard] hello: built in ")


def test_on_a_terminal_every_build_has_a_line_and_what_ends_stays() -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, force_terminal=True, width=100))
    one, two = Progress("one"), Progress("two")
    screen.add(one)
    screen.add(two)
    one.event(step(1))
    two.event(step(2))
    text = Console(file=io.StringIO(), width=100)
    text.print(screen._render())
    drawn = text.file.getvalue()  # type: ignore[attr-defined]
    assert "one" in drawn
    assert "step 1 of 9: with_commands(['x'])" in drawn
    assert "step 2 of 9: with_commands(['x'])" in drawn
    screen.remove(one, None)
    screen.remove(two, None)
    assert screen._live is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3725, "62 min 5 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1500, "2 kB"), (2_000_000, "2 MB"), (3_200_000_000, "3.2 GB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_nothing_that_a_service_says_is_obeyed_by_a_terminal() -> None:
    evil = "x\x1b[2J\x9b\x07y"
    progress = Progress("hello", Clock())
    progress.event(changed(phase=Phase.BUILD, step=Step(number=1, total=9, title=evil)))
    assert progress.headline == "step 1 of 9: xy"
    progress.event(Waiting(reason=evil, seconds=1))
    assert progress.headline == "xy; asking again in 1 s"
    failure = Failure(code="X", message=evil, advice=evil, retryable=False, log_tail=(evil,))
    build = changed(state=State.FAILED, error=failure).build
    told = explained(BuildFailedError(build))
    assert told and told.count("xy") == 3 and "\x1b" not in told
