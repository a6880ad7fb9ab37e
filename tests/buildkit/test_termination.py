"""A job's output in a pod: its result in 4096 bytes, its log and progress on standard output."""

import io
import json
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from boatyard.build import Failure, Phase, PhaseTime, State, Step
from boatyard.job import JobProgress, JobResult
from boatyard_buildkit import outbox
from boatyard_buildkit.aloud import aloud
from boatyard_buildkit.termination import MOST_BYTES, brief, write_termination


@given(
    st.text(max_size=5000),
    st.text(max_size=5000),
    st.lists(st.text(max_size=400), max_size=40),
    st.integers(0, 200),
)
def test_every_result_fits_and_keeps_what_matters(message: str, advice: str, tail: list[str], layers: int) -> None:
    error = Failure(
        code="COMMAND_FAILED", message=message, advice=advice, layer_index=7, sdk_call=message, log_tail=tuple(tail)
    )
    phases = tuple(PhaseTime(phase=phase, seconds=1.234) for phase in Phase)
    digest = "sha256:" + "a" * 64
    result = JobResult(
        state=State.FAILED, digest=digest, phases=phases, error=error, layer_digests=tuple([digest] * layers)
    )
    data = brief(result)
    assert len(data) <= MOST_BYTES
    told = msgspec.json.decode(data, type=JobResult)
    assert (told.state, told.digest) == (State.FAILED, digest)
    assert told.error and (told.error.code, told.error.layer_index) == ("COMMAND_FAILED", 7)


def test_the_last_lines_stay_longest() -> None:
    tail = tuple(f"line {number} " + "x" * 150 for number in range(40))
    error = Failure(code="COMMAND_FAILED", message="m", advice="a", log_tail=tail)
    told = msgspec.json.decode(brief(JobResult(state=State.FAILED, error=error)), type=JobResult)
    assert told.error and 10 < len(told.error.log_tail) < 40 and told.error.log_tail[-1] == tail[-1]


def test_a_small_result_is_told_as_it_is(tmp_path: Path) -> None:
    result = JobResult(state=State.SUCCEEDED, digest="sha256:" + "a" * 64)
    write_termination(tmp_path / "log", result)
    assert msgspec.json.decode((tmp_path / "log").read_bytes(), type=JobResult) == result
    write_termination(tmp_path / "no" / "folder", result)


def test_log_and_progress_are_said_aloud(tmp_path: Path) -> None:
    stream = io.BytesIO()
    progress = JobProgress(phases=(PhaseTime(phase=Phase.BUILD),), step=Step(number=1, total=2, title="t"))
    with aloud(tmp_path, stream):
        outbox.write(tmp_path / outbox.PROGRESS, progress)
        rows = "".join(json.dumps({"t": 1.5, "line": f"line {number}"}) + "\n" for number in range(250))
        (tmp_path / outbox.LOG).write_text(rows)
    said = [json.loads(row) for row in stream.getvalue().splitlines()]
    assert [row["line"] for row in said if "line" in row] == [f"line {number}" for number in range(250)]
    places = [place for place, row in enumerate(said) if "progress" in row]
    assert len(places) >= 2 and max(b - a for a, b in zip([0, *places], [*places, len(said)], strict=True)) <= 101
    assert msgspec.convert(said[places[-1]]["progress"], JobProgress) == progress


def test_a_reader_that_went_away_does_not_end_the_job(tmp_path: Path) -> None:
    stream = io.BytesIO()
    stream.close()
    (tmp_path / outbox.LOG).write_text('{"t":1,"line":"x"}\n')
    with aloud(tmp_path, stream):
        pass
