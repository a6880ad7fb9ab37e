"""How a build ends, for every runner: the order of the deciding facts."""

from collections.abc import Callable

import msgspec
import pytest

from boatyard import lifecycle
from boatyard.build import Build, Failure, Phase, PhaseTime, State
from boatyard.errors import Code
from boatyard.job import JobProgress, JobResult
from boatyard.lifecycle import CANCEL, Ending
from tests.local.jobs import job

PHASES = (PhaseTime(phase=Phase.BUILD, seconds=1.5),)
ERROR = Failure(code="COMMAND_FAILED", message="no", advice="change it")
SUCCEEDED = JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64, phases=PHASES)
FAILED = JobResult(state=State.FAILED, error=ERROR, phases=PHASES)
LATE = Ending(state=State.TIMED_OUT, code=Code.TIMED_OUT, message="it took too long")
LOST = lifecycle.lost("it is gone")


def end(result: JobResult | None, stop: Ending | None, silence: Callable[[], Ending] = lambda: LOST) -> Build:
    build = lifecycle.running(lifecycle.queued(job()(1), now=5), now=6)
    build = lifecycle.progressed(build, JobProgress(phases=(PhaseTime(phase=Phase.BUILD),)))
    return lifecycle.conclude(build, result=result, stop=stop, silence=silence, now=9)


@pytest.mark.parametrize(
    ("result", "stop", "code"),
    [
        (SUCCEEDED, CANCEL, "CANCELLED"),
        (FAILED, CANCEL, "CANCELLED"),
        (None, CANCEL, "CANCELLED"),
        (SUCCEEDED, LATE, ""),
        (FAILED, LATE, "TIMED_OUT"),
        (None, LATE, "TIMED_OUT"),
        (SUCCEEDED, None, ""),
        (FAILED, None, "COMMAND_FAILED"),
        (None, None, "BUILDER_LOST"),
    ],
)
def test_the_order_of_what_decides(result: JobResult | None, stop: Ending | None, code: str) -> None:
    build = end(result, stop)
    assert build.state.ended and build.phase is None and build.step is None and build.finished_at == 9
    assert (build.error.code if build.error else "") == code
    assert (build.image is None) == bool(code), "an image is named by a success alone"
    if result:
        assert build.phases == PHASES, "what the job measured is kept, whatever decides"


def test_silence_is_asked_only_where_it_decides() -> None:
    def never() -> Ending:
        raise AssertionError

    for result, stop in ((SUCCEEDED, None), (FAILED, None), (None, CANCEL), (None, LATE)):
        end(result, stop, never)


@pytest.mark.parametrize(
    "result",
    [
        JobResult(state=State.RUNNING),
        JobResult(state=State.SUCCEEDED),
        JobResult(state=State.SUCCEEDED, digest="latest"),
        JobResult(state=State.ERRORED),
    ],
)
def test_a_result_that_contradicts_itself_is_a_lost_build(result: JobResult) -> None:
    build = end(result, None)
    assert build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST" and not build.image


def test_no_build_ends_before_it_began() -> None:
    assert end(None, msgspec.structs.replace(CANCEL, at=2)).finished_at == 6
    assert end(None, msgspec.structs.replace(CANCEL, at=7)).finished_at == 7, "when it was asked for, not when seen"
