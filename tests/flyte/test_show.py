"""The display: one line for each step without a terminal, a live line for each build with one."""

import io
from typing import Any

import pytest
from rich.console import Console

from boatyard.api.messages import BuildAnswer
from boatyard.build import Build, Failure, Phase, State, Step
from boatyard_client.client import Outcome
from boatyard_client.display.story import Story
from boatyard_client.errors import BuildFailedError
from boatyard_client.events import Accepted, Changed, Log, Uploading, Waiting
from boatyard_flyte.errors import explained
from boatyard_flyte.show import shown
from boatyard_flyte.show.screen import Row, Screen
from boatyard_flyte.show.view import ending


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


def test_the_last_line_says_how_long_it_took_or_that_it_was_there() -> None:
    clock = Clock()
    story = Story(clock=clock)
    clock.now = 72.4
    assert ending(story, outcome()) == "built in 1 min 12 s: r@sha256:1"
    clock.now = 0.12
    assert ending(story, outcome(cached=True)) == "cached, answered in 0.1 s: r@sha256:1"
    assert "follow it with: boatyard logs -f the-id" in ending(story, Outcome(answer=outcome().answer))


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("hello") as view:
        view.event(Uploading(sent=0, total=2_000_000))
        view.event(Uploading(sent=2_000_000, total=2_000_000))
        view.event(Accepted(id="b", key="k", target="t", state=State.QUEUED, joined=False))
        view.event(changed(state=State.QUEUED))
        view.event(changed(phase=Phase.IMPORT_CACHE))
        view.event(step(1))
        view.event(Log(lines=("noise",)))
        view.event(step(1))
        view.event(step(2))
        view.event(Waiting(reason="it restarts", seconds=2))
        view.event(changed(phase=Phase.PUSH))
        view.event(changed(state=State.SUCCEEDED))
        view.finish(outcome())
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line.removeprefix("[boatyard] hello: ").rpartition(" (")[0] for line in captured.err.splitlines()[:-1]]
    assert lines == [
        "uploading the files",
        "uploaded 2.0 MB",
        "started build b",
        "waiting for a builder",
        "importing the cache",
        "step 1 of 9: with_commands(['x'])",
        "step 2 of 9: with_commands(['x'])",
        "it restarts; trying again in 2.0 s",
        "pushing",
    ]
    assert captured.err.splitlines()[-1].startswith("[boatyard] hello: built in ")


def test_on_a_terminal_every_build_has_a_line_and_what_ends_stays() -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, force_terminal=True, width=100))
    one, two = Story(), Story()
    screen.add(Row("one", one))
    screen.add(Row("two", two))
    one.tell(step(1))
    two.tell(step(2))
    text = Console(file=io.StringIO(), width=100)
    text.print(screen._render())
    drawn = text.file.getvalue()  # type: ignore[attr-defined]
    assert "one" in drawn
    assert "step 1 of 9: with_commands(['x'])" in drawn
    assert "step 2 of 9: with_commands(['x'])" in drawn
    screen.remove(one, None)
    screen.remove(two, None)
    assert screen._live is None


def test_nothing_that_a_service_says_is_obeyed_by_a_terminal() -> None:
    evil = "x\x1b[2J\x9b\x07y"
    story = Story(clock=Clock())
    story.tell(changed(phase=Phase.BUILD, step=Step(number=1, total=9, title=evil)))
    assert story.title == "step 1 of 9: xy"
    story.tell(Waiting(reason=evil, seconds=1))
    assert story.detail == "xy; trying again in 1.0 s"
    failure = Failure(code="X", message=evil, advice=evil, retryable=False, log_tail=(evil,))
    build = changed(state=State.FAILED, error=failure).build
    told = explained(BuildFailedError(build))
    assert told and told.count("xy") == 3 and "\x1b" not in told
