"""The display of a running build."""

import re
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from boatyard.api.messages import OrderRequest, PlanAnswer
from boatyard.build import Build, Failure, Phase, PhaseTime, State, Step
from boatyard.spec import SpecDocument
from boatyard_client.cli.builds import _table
from boatyard_client.cli.plan import _show
from boatyard_client.display import show
from boatyard_client.display.failure import explain
from boatyard_client.display.story import Story
from boatyard_client.display.text import printable, seconds, size
from boatyard_client.errors import BuildFailedError
from boatyard_client.events import Accepted, Changed, Event, Log, Uploading, Waiting
from boatyard_client.packing import ReadingProgress

BUILD = Build(
    id="abc-1",
    key="abc",
    attempt=1,
    target="t",
    project="p",
    domain="d",
    platforms=(),
    state=State.RUNNING,
    created_at=100.0,
    started_at=101.0,
)


def at(number: int, title: str, phase: Phase = Phase.BUILD) -> Changed:
    step = Step(number=number, total=3, title=title)
    return Changed(build=msgspec.structs.replace(BUILD, phase=phase, step=step))


ENDED = Changed(
    build=msgspec.structs.replace(
        BUILD,
        state=State.SUCCEEDED,
        finished_at=113.4,
        phases=(
            PhaseTime(phase=Phase.FETCH_CONTEXT, seconds=0.01),
            PhaseTime(phase=Phase.BUILD, seconds=9.0),
            PhaseTime(phase=Phase.PUSH, seconds=2.5),
        ),
    )
)
EVENTS: list[Event] = [
    Uploading(sent=0, total=2_000_000),
    Uploading(sent=2_000_000, total=2_000_000),
    Accepted(id="abc-1", key="abc", target="t", state=State.QUEUED, joined=False),
    at(1, "FROM x"),
    Log(lines=("a\x1b[31mb\x1b[0m",)),
    at(1, "FROM x"),
    at(2, "with_pip_packages('a')"),
    Waiting(reason="it broke", seconds=1.5),
    at(2, "with_pip_packages('a')", Phase.PUSH),
    ENDED,
]


def told(events: list[Event], *, steps: bool = True) -> tuple[list[str], list[str], Story]:
    time = iter(range(10_000))
    said: list[str] = []
    logged: list[str] = []
    story = Story(say=said.append, log=logged.append, steps=steps, clock=lambda: float(next(time)))
    for event in events:
        story.tell(event)
    return said, logged, story


def test_a_build_is_told_once_step_by_step() -> None:
    said, logged, _ = told(EVENTS)
    assert [re.sub(r"· \S+ s$", "· …", line) for line in said] == [
        "uploaded 2.0 MB",
        "started build abc-1",
        "step 1 of 3: FROM x · …",
        "it broke; trying again in 1.5 s",
        "step 2 of 3: with_pip_packages('a') · …",
        "built in 12.4 s (building 9.0 s, pushing 2.5 s)",
    ]
    assert logged == ["ab"]


def test_where_the_log_is_shown_steps_are_not_told_twice() -> None:
    assert not any("step" in line for line in told(EVENTS, steps=False)[0])


@pytest.mark.parametrize(
    ("events", "now"),
    [
        (EVENTS[:1], "uploading the files, 0 B of 2.0 MB"),
        (EVENTS[:3], "waiting for a builder"),
        (EVENTS[:7], "step 2 of 3: with_pip_packages('a')"),
        (EVENTS[:9], "pushing"),
    ],
)
def test_what_goes_on_now(events: list[Event], now: str) -> None:
    story = told(events)[2]
    assert (f"{story.title}, {story.detail}" if story.detail else story.title) == now


def test_reading_the_files_is_told_as_one_thing() -> None:
    _, _, story = told([])
    for number in (1, 2, 3):
        story.reading(ReadingProgress(number, 300, number, 300))
    assert (story.title, story.detail) == ("reading the files", "3 of 300")


def test_titles_begin_once_and_a_wait_is_a_detail_for_as_long_as_it_lasts() -> None:
    time = [0.0]
    began: list[str] = []
    story = Story(began=began.append, clock=lambda: time[0])
    for event in (*EVENTS[:2], *EVENTS[2:5]):
        story.tell(event)
    assert began == ["uploading the files", "waiting for a builder", "step 1 of 3: FROM x"]
    time[0] = 4
    story.tell(Waiting(reason="it broke", seconds=1.5))
    assert story.detail == "it broke; trying again in 1.5 s" and story.lasting() == 4, "the step goes on"
    time[0] = 5.5
    assert story.detail == "" and story.title == began[-1]


def test_a_step_that_has_ended_does_not_come_back() -> None:
    events = [at(2, "x"), at(2, "x", Phase.PUSH), at(2, "x")]
    said, _, story = told(list(events))
    assert len(said) == 1 and story.title == "pushing"


def test_a_terminal_shows_step_time_and_the_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=60, color_system=None)
    view = show._View(console)
    for event in EVENTS[:7]:
        view.story.tell(event)
    for number in range(20):
        view.story.tell(Log(lines=(f"line {number} {'x' * 100}",)))
    with console.capture() as capture:
        console.print(view)
    lines = capture.get().splitlines()
    assert len(lines) == 7 and all(len(line) <= 60 for line in lines)
    assert "line 19" in lines[5] and "step 2 of 3: with_pip_packages('a')" in lines[6]
    assert "✓ step 1 of 3: FROM x" in out.getvalue()


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("10%\r20%\r100%", "100%"),
        ("a\tb\r\n", "a    b"),
        ("\x00\x07\x1bMx\x9b", "x"),
        ("naïve \u3042", "naïve \u3042"),
    ],
)
def test_a_log_cannot_move_the_cursor(raw: str, clean: str) -> None:
    assert printable(raw) == clean


def test_times_and_sizes_are_short() -> None:
    assert [seconds(value) for value in (0.04, 59.96, 65.2, 3600)] == ["0.0 s", "60.0 s", "1 min 05 s", "60 min 00 s"]
    assert [size(value) for value in (0, 999, 1500, 2_340_000, 5 * 10**9)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "2.3 MB",
        "5.0 GB",
    ]


def test_nothing_that_a_service_says_is_obeyed_by_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "x\x1b[2J\x9b\x07\x1b]0;title\x07y"
    failure = Failure(code=evil, message=evil, advice=evil, retryable=False, sdk_call=evil, layer_index=1)
    build = msgspec.structs.replace(BUILD, id=evil, project=evil, image=evil)
    explain(BuildFailedError(msgspec.structs.replace(build, error=failure)))
    _table([build])
    story = Story(say=print, log=print)
    for event in (
        Accepted(id=evil, key="k", target="t", state=State.QUEUED, joined=False),
        Waiting(reason=evil, seconds=1),
        at(1, evil),
        at(2, evil),
    ):
        story.tell(event)
    _show(
        PlanAnswer(
            key=evil,
            target=evil,
            platforms=(evil,),
            base_image=evil,
            dockerfile="",
            layers=(),
            secrets=(evil,),
        ),
        OrderRequest(spec=SpecDocument(dockerfile="FROM x")),
    )
    shown = capsys.readouterr()
    assert "xy" in shown.out and "xy" in shown.err
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[0-9;]*m)|title", shown.out + shown.err)
