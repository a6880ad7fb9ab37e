"""Build records with damaged objects, wrong clocks and large requests."""

import msgspec
import pytest

from boatyard.build import State
from boatyard.errors import BoatyardError
from boatyard.settings import Limits
from boatyard_serverless import keys
from tests.local.jobs import job, tag
from tests.serverless.test_builds import ID, Place, dies

DAY = 86_400.0
DAMAGE = {
    "empty": b" ",
    "truncated": b'{"build":{"id":"',
    "not utf-8": b'{"state":"\xff"}',
    "another type": b'{"state":5,"phases":{}}',
    "a list": b"[]",
    "deep": b'{"x":' + b"[" * 100_000,
}


@pytest.fixture
def it() -> Place:
    return Place()


def write(it: Place, name: str, body: bytes) -> None:
    it.ledger.write(ID, name)(body)


@pytest.mark.parametrize("body", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_document_of_a_job_counts_as_none(it: Place, body: bytes) -> None:
    it.runner.ensure(job(), tag(), force=False)
    it.begin()
    write(it, "progress", body)
    assert (build := it.runner.status(ID)) and build.state is State.RUNNING
    write(it, "result", body)
    assert (build := it.runner.status(ID)) and build.state is State.RUNNING
    it.service.end(ID)
    assert (build := it.runner.latest(tag())) and build.error and build.error.code == "BUILDER_LOST"
    assert it.runner.ensure(job(), tag(), force=False).build.id == f"{tag()}-2"


@pytest.mark.parametrize("body", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_does_not_make_its_image_unbuildable(it: Place, body: bytes) -> None:
    it.runner.ensure(job(), tag(), force=False)
    write(it, "record", body)
    assert it.runner.status(ID) is None and it.runner.cancel(ID) is None and it.runner.logs(ID, "") is None
    assert (lost := it.runner.latest(tag())) and lost.state is State.ERRORED and lost.error
    assert lost.error.code == "BUILDER_LOST"
    second = it.runner.ensure(job(), tag(), force=False)
    assert (second.build.id, second.joined) == (f"{tag()}-2", False)
    it.service.run(second.build.id)
    assert (build := it.runner.status(second.build.id)) and build.state is State.RUNNING


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_a_starter_whose_clock_was_wrong_is_taken_over(
    it: Place, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Its claim is a day in the future: nobody waits that long."""
    now = it.clock.now()
    it.clock.set(now + seconds)
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.service, "start", dies)
        it.runner.ensure(job(), tag(), force=False)
    it.clock.set(now)
    assert it.runner.ensure(job(), tag(), force=False).joined
    assert len(it.service._executions) == 1


def test_a_failure_that_a_wrong_clock_wrote_down_is_not_held_until_it_is_right(it: Place) -> None:
    from boatyard.job import JobResult
    from boatyard.lifecycle import failure

    it.runner.ensure(job(), tag(), force=False)
    it.begin()
    it.clock.set(it.clock.now() + DAY)
    it.result(JobResult(state=State.FAILED, error=failure("COMMAND_FAILED", "m")))
    assert it.runner.ensure(job(), tag(), force=False).joined
    it.clock.set(it.clock.now() - DAY)
    assert not it.runner.ensure(job(), tag(), force=False).joined
    page = it.runner.logs(ID, "")
    assert page is not None and page.done, "nor does its log wait for more"


def test_a_project_leaves_room_for_others() -> None:
    it = Place(Limits(concurrent_builds=1, queued_builds=7))

    def ask(project: str, number: int) -> None:
        make = job(number)
        it.runner.ensure(
            lambda attempt: msgspec.structs.replace(make(attempt), project=project), tag(number), force=False
        )

    asked = 0
    with pytest.raises(BoatyardError) as refused:
        for number in range(20):
            ask("greedy", number)
            asked += 1
    assert refused.value.code == "TOO_MANY_BUILDS" and refused.value.retry_after_seconds
    assert asked == 4 and f"greedy/development has {asked} builds" in refused.value.detail
    ask("modest", 50)
    assert len(it.runner._ledger.open()) == asked + 1
    it.runner.cancel(f"{tag(0)}-1")
    ask("greedy", 51)
    assert len(list(it.ledger.bucket.keys(keys.OPEN))) == asked + 1
