"""Exactly one build runs, whichever step fails around the lock and the build service."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import msgspec
import pytest

from boatyard.build import Failure, State
from boatyard.errors import BoatyardError
from boatyard.job import JobResult
from boatyard.memory import ManualClock
from boatyard.ports import BuildQuery
from boatyard.settings import Limits, Settings
from boatyard_serverless import keys
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from boatyard_serverless.memory import MemoryBucket, MemoryBuildService
from boatyard_serverless.ports import Unsure
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
FAILED = JobResult(state=State.FAILED, error=Failure(code="COMMAND_FAILED", message="no", advice="change it"))
SUCCEEDED = JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)


class Place:
    def __init__(self, limits: Limits | None = None) -> None:
        self.clock = ManualClock()
        self.bucket = MemoryBucket()
        self.service = MemoryBuildService()
        self.runner = ServiceJobRunner(self.bucket, self.service, self.clock, Settings(limits=limits or Limits()))
        self.ledger = BucketLedger(self.bucket)

    def ensure(self) -> tuple[str, bool]:
        ensured = self.runner.ensure(job(), tag(), force=False)
        return ensured.build.id, ensured.joined

    def begin(self) -> None:
        self.service.run(ID)
        assert self.state() == (State.RUNNING, "")

    def state(self) -> tuple[State, str]:
        build = self.runner.status(ID)
        assert build
        return build.state, build.error.code if build.error else ""

    def result(self, result: JobResult) -> None:
        self.ledger.write(ID, "result")(msgspec.json.encode(result))
        self.service.end(ID)


@pytest.fixture
def it() -> Place:
    return Place()


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


def dies(*_: object, **__: object) -> None:
    raise SystemExit


def test_a_function_that_dies_before_the_start_is_taken_over(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.service, "start", dies)
        it.ensure()
    assert it.ensure() == (ID, True), "it may still be on its way"
    assert not it.service._builds
    it.clock.sleep(61)
    assert it.ensure() == (ID, True)
    it.service.run(ID)
    assert it.state() == (State.RUNNING, "")


def test_a_function_that_dies_after_the_start_leaves_a_build_that_goes_on(
    it: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.bucket, "replace", dies)
        it.ensure()
    it.clock.sleep(61)
    assert it.ensure() == (ID, True)
    held = it.ledger.get(ID)
    assert held and held.record.execution == it.service.execution(ID)


def test_a_record_of_a_clock_that_was_ahead_is_taken_over(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    it.clock.sleep(1_000_000)
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.service, "start", dies)
        it.ensure()
    behind = ServiceJobRunner(it.bucket, it.service, ManualClock(), Settings())
    behind.status(ID)
    assert it.service.execution(ID)


def test_ten_functions_take_over_at_once_and_one_starts(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.service, "start", dies)
        it.ensure()
    it.clock.sleep(61)
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(lambda _: it.ensure(), range(10))) == {(ID, True)}
    assert len(it.service._executions) == 1


@pytest.mark.parametrize("code", ["TOO_MANY_BUILDS", "DATAPLANE_DENIED", "DATAPLANE_UNAVAILABLE"])
def test_a_refused_start_is_told_and_the_next_request_begins_again(it: Place, code: str) -> None:
    it.service.failure = BoatyardError(code, "no")
    assert refused(it.ensure).code == code
    it.service.failure = None
    assert it.ensure() == (f"{tag()}-2", False)


def test_a_start_that_nobody_answered_stays_one_build(it: Place) -> None:
    it.service.failure = Unsure()
    assert it.ensure() == (ID, False)
    it.service.failure = None
    assert it.state() == (State.QUEUED, "")
    it.clock.sleep(61)
    assert it.state() == (State.QUEUED, "")
    assert len(it.service._executions) == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_of_two_executions_the_one_that_does_the_build_decides(
    it: Place, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    """A lost answer and a takeover start two; the second one finds that the build runs in the first, and ends."""
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.bucket, "replace", dies)
        it.ensure()
    first = it.service.execution(ID)
    it.clock.sleep(61)
    it.ensure()
    second = it.service.execution(ID)
    assert first != second
    it.ledger.write(ID, "started")(first.encode())
    it.begin()
    if cancelled:
        it.runner.cancel(ID)
    else:
        it.service.end(ID)
    assert it.state() == (State.RUNNING, ""), "what the second one says is not how the build ended"
    held = it.ledger.get(ID)
    assert held and held.record.execution == first
    assert (first in it.service.stopped) is cancelled
    it.ledger.write(ID, "result")(msgspec.json.encode(SUCCEEDED))
    assert it.state()[0] is (State.CANCELLED if cancelled else State.SUCCEEDED)


@pytest.mark.parametrize("written", [b"", b"../other", b"a b", b"\xff", b"x" * 300])
def test_an_owner_that_is_none_changes_nothing(it: Place, written: bytes) -> None:
    it.ensure()
    it.begin()
    it.ledger.write(ID, "started")(written)
    it.service.end(ID)
    assert it.state() == (State.ERRORED, "BUILDER_LOST")


def test_a_cancel_that_meets_the_start_stops_what_was_started(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = it.service.start

    def start(build_id: str, *, timeout_seconds: int) -> str:
        started = real(build_id, timeout_seconds=timeout_seconds)
        assert it.runner.cancel(ID)
        return started

    monkeypatch.setattr(it.service, "start", start)
    assert it.runner.ensure(job(), tag(), force=False).build.state is State.CANCELLED
    assert it.service.stopped == [it.service.execution(ID)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("stopped", (State.CANCELLED, "CANCELLED")),
        ("timed_out", (State.TIMED_OUT, "TIMED_OUT")),
        ("ended", (State.ERRORED, "BUILDER_LOST")),
    ],
)
def test_an_end_without_a_result_is_explained_by_the_service(
    it: Place, state: str, expected: tuple[State, str]
) -> None:
    it.ensure()
    it.service.run(ID)
    it.state()
    it.service.end(ID, state, "unable to pull the image")  # type: ignore[arg-type]
    assert it.state() == expected
    build = it.runner.status(ID)
    assert build and build.error and ("unable to pull" in build.error.message) == (state == "ended")
    assert it.ledger.open() == []


@pytest.mark.parametrize("written", [FAILED, SUCCEEDED])
def test_a_cancel_decides_whatever_the_job_writes_afterwards(it: Place, written: JobResult) -> None:
    it.ensure()
    it.service.run(ID)
    it.state()
    it.runner.cancel(ID)
    it.result(written)
    assert it.state() == (State.CANCELLED, "CANCELLED")
    assert it.ensure() == (f"{tag()}-2", False), "and is not held against the next request"


@pytest.mark.parametrize("state", ["timed_out", "ended", "stopped", None])
def test_a_cancel_decides_whatever_the_service_says_afterwards(
    it: Place, state: Literal["timed_out", "ended", "stopped"] | None
) -> None:
    it.ensure()
    it.begin()
    it.runner.cancel(ID)
    if state:
        it.service.end(ID, state)
    else:
        it.service.forget(ID)
    assert it.state() == (State.CANCELLED, "CANCELLED")


def test_a_build_that_the_service_forgot_is_lost(it: Place) -> None:
    it.ensure()
    it.service.forget(ID)
    assert it.state() == (State.ERRORED, "BUILDER_LOST")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 9999, b'{"state": "RUNNING"}', b'{"state": 5}'])
def test_a_result_that_is_none_loses_the_build_and_nothing_else(it: Place, body: bytes) -> None:
    it.ensure()
    it.service.run(ID)
    it.state()
    it.ledger.write(ID, "progress")(body)
    it.ledger.write(ID, "result")(body)
    it.service.end(ID)
    assert it.state() == (State.ERRORED, "BUILDER_LOST")
    assert it.ensure() == (f"{tag()}-2", False)


def test_what_is_listed_may_be_announced_twice(it: Place) -> None:
    it.ensure()
    held = it.ledger.get(ID)
    assert held
    later = msgspec.structs.replace(held.record.build, created_at=held.record.build.created_at + 1)
    BucketLedger(it.bucket).announce(later)
    assert [build.id for build in it.runner.list(BuildQuery()).builds] == [ID]
    assert len(list(it.bucket.keys(keys.BUILDS_OF))) == 2


def test_a_log_ends_with_the_job_s_last_line_however_late_it_comes(it: Place) -> None:
    it.ensure()
    page = it.runner.logs(ID, "")
    assert page and page.lines == () and not page.done
    it.service.run(ID)
    it.service.write(ID, "one")
    it.state()
    it.result(SUCCEEDED)
    it.state()
    page = it.runner.logs(ID, "")
    assert page and page.lines == ("one",) and not page.done, "the end may still come"
    it.service.write(ID, "two", END)
    page = it.runner.logs(ID, page.cursor)
    assert page and page.lines == ("two",) and page.done


def test_a_log_without_its_last_line_ends_after_a_while(it: Place) -> None:
    it.ensure()
    it.service.run(ID)
    it.state()
    it.result(FAILED)
    it.state()
    page = it.runner.logs(ID, "")
    assert page and not page.done
    it.clock.sleep(31)
    page = it.runner.logs(ID, "")
    assert page and page.done


def test_a_join_asks_three_times_and_a_start_repeats_nothing(it: Place) -> None:
    it.ensure()
    started = list(it.bucket.calls)
    assert len(started) == len(set(started)), "no call is made twice"
    it.bucket.calls.clear()
    it.ensure()
    assert [method for method, _ in it.bucket.calls] == ["keys", "get", "get"], "its record, and whether it has ended"
