"""The contract suite of JobRunner, for any kind of job."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from boatyard.build import Failure, Phase, PhaseTime, State, Step
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobProgress, JobResult
from boatyard.ports import BuildPage, BuildQuery
from tests.contract.runners import ALL, LIMITS, Driver, drive
from tests.local.jobs import job, tag

DIGEST = "sha256:" + "b" * 64
SUCCEEDED = JobResult(state=State.SUCCEEDED, digest=DIGEST, phases=(PhaseTime(phase=Phase.BUILD, seconds=1.5),))
FAILED = JobResult(
    state=State.FAILED, error=Failure(code="COMMAND_FAILED", message="no", advice="fix it", layer_index=2)
)


@pytest.fixture(params=sorted(ALL))
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    yield from drive(request.param, tmp_path)


OTHER = "other"
"""Another project of the same domain."""


def start(it: Driver, number: int = 0, *, force: bool = False, project: str = "") -> str:
    ensured = it.runner.ensure(_of(project, number), tag(number), force=force)
    assert not ensured.joined
    return ensured.build.id


def _of(project: str, number: int) -> Callable[[int], BuildJob]:
    make = job(number)
    return (lambda attempt: msgspec.structs.replace(make(attempt), project=project)) if project else make


def _refused(it: Driver, number: int, project: str = "") -> str:
    with pytest.raises(BoatyardError) as refused:
        it.runner.ensure(_of(project, number), tag(number), force=False)
    assert refused.value.code == "TOO_MANY_BUILDS" and refused.value.meaning.retryable
    return refused.value.detail


def test_a_build_is_queued_runs_and_succeeds_with_its_image_by_digest(it: Driver) -> None:
    build_id = start(it)
    build = it.begin(build_id)
    assert build.started_at is not None and build.started_at >= build.created_at
    it.finish(build_id, SUCCEEDED)
    build = it.runner.status(build_id)
    assert build and build.state is State.SUCCEEDED and build.phases == SUCCEEDED.phases
    assert build.image == f"127.0.0.1:5000/images/image@{DIGEST}" and build.error is None
    assert build.finished_at is not None and build.phase is None and build.step is None


def test_a_failed_build_says_what_its_job_said(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    build = it.finish(build_id, FAILED)
    assert build.state is State.FAILED and build.error == FAILED.error and build.image is None


def test_a_job_that_dies_is_lost_and_can_be_built_again_at_once(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    build = it.finish(build_id, None)
    assert build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST"
    assert build.error.retryable and build.error.advice
    again = start(it)
    assert again == f"{tag()}-2"
    it.begin(again)


def test_success_without_a_digest_is_no_success(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    build = it.finish(build_id, JobResult(state=State.SUCCEEDED))
    assert build.state is State.ERRORED and build.image is None


def test_equal_requests_join(it: Driver) -> None:
    build_id = start(it)
    for force in (False, True):
        ensured = it.runner.ensure(job(), tag(), force=force)
        assert ensured.joined and ensured.build.id == build_id
    it.begin(build_id)
    assert it.runner.ensure(job(), tag(), force=False).build.state is State.RUNNING


def test_fifty_at_once_start_one(it: Driver) -> None:
    barrier = threading.Barrier(50)
    found: list[tuple[str, bool]] = []

    def ask() -> None:
        barrier.wait()
        ensured = it.runner.ensure(job(), tag(), force=False)
        found.append((ensured.build.id, ensured.joined))

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {build_id for build_id, _ in found} == {f"{tag()}-1"}
    assert sum(not joined for _, joined in found) == 1
    it.begin(f"{tag()}-1")


def test_a_failure_answers_for_a_while_and_force_passes_it_by(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    it.finish(build_id, FAILED)
    assert it.runner.ensure(job(), tag(), force=False).build.id == build_id
    it.clock.sleep(LIMITS.failure_hold_seconds + 1)
    second = start(it)
    it.begin(second)
    it.finish(second, FAILED)
    third = start(it, force=True)
    assert third == f"{tag()}-3"
    it.begin(third)
    assert (latest := it.runner.latest(tag())) and latest.id == third


def test_a_success_that_the_registry_has_lost_is_built_again(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    it.finish(build_id, SUCCEEDED)
    it.begin(start(it))


def test_progress_is_told_while_it_runs_and_phases_stay(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    phases = (PhaseTime(phase=Phase.FETCH_CONTEXT, seconds=0.5), PhaseTime(phase=Phase.BUILD))
    it.progress(build_id, JobProgress(phases=phases, step=Step(number=2, total=5, title="pip")))
    build = it.runner.status(build_id)
    assert build and build.phase is Phase.BUILD and build.phases == phases
    assert build.step == Step(number=2, total=5, title="pip")
    it.finish(build_id, None)
    build = it.runner.status(build_id)
    assert build and build.phases[0] == phases[0] and build.step is None and build.phase is None


def test_a_full_queue_refuses_and_takes_more_later(it: Driver) -> None:
    running = [start(it, number) for number in range(LIMITS.concurrent_builds)]
    for build_id in running:
        it.begin(build_id)
    own = LIMITS.queued_builds_per_project
    waiting = [start(it, 10 + number) for number in range(own)]
    it.settle()
    assert OTHER not in _refused(it, 99), "a project's own share is full, and others are not its business"
    others = [start(it, 20 + number, project=OTHER) for number in range(LIMITS.queued_builds - own)]
    it.settle()
    _refused(it, 99, OTHER)
    assert it.runner.ensure(job(10), tag(10), force=False).joined, "joining needs no place"
    it.runner.cancel(waiting[-1])
    it.settle()
    start(it, 99)
    for build_id in (*waiting[:-1], *others):
        it.runner.cancel(build_id)
    it.runner.cancel(f"{tag(99)}-1")


def test_a_queued_build_is_cancelled_at_once(it: Driver) -> None:
    for number in range(LIMITS.concurrent_builds):
        it.begin(start(it, number))
    build_id = start(it, 7)
    build = it.runner.cancel(build_id)
    assert build and build.state is State.CANCELLED and build.error and build.error.code == "CANCELLED"
    assert it.runner.cancel(build_id) == build
    page = it.runner.logs(build_id, "")
    assert page and page.done and not page.lines


@pytest.mark.parametrize(
    "written",
    [FAILED, SUCCEEDED, JobResult(state=State.TIMED_OUT), None],
    ids=["failed", "succeeded", "timed out", "lost"],
)
def test_a_cancel_decides_whatever_the_job_writes_afterwards(it: Driver, written: JobResult | None) -> None:
    build_id = start(it)
    it.begin(build_id)
    build = it.finish_after_cancel(build_id, written)
    assert build.state is State.CANCELLED and build.error and build.error.code == "CANCELLED"
    assert build.image is None and build.finished_at is not None
    assert it.runner.status(build_id) == build
    again = start(it)
    assert again == f"{tag()}-2", "it is not held against the next request"
    it.begin(again)


def test_what_ended_stays_as_it_is_when_cancelled(it: Driver) -> None:
    build_id = start(it)
    it.begin(build_id)
    build = it.finish(build_id, SUCCEEDED)
    assert it.runner.cancel(build_id) == build


def test_a_log_is_read_from_a_cursor_on_and_is_done_at_the_end(it: Driver) -> None:
    build_id = start(it)
    first = it.runner.logs(build_id, "")
    assert first and first.lines == () and not first.done
    it.begin(build_id)
    it.log(build_id, "one", "zwei äöü")
    page = it.runner.logs(build_id, first.cursor)
    assert page and page.lines == ("one", "zwei äöü") and not page.done
    empty = it.runner.logs(build_id, page.cursor)
    assert empty and empty.lines == () and empty.cursor == page.cursor
    it.log(build_id, "three")
    it.finish(build_id, SUCCEEDED)
    rest = it.runner.logs(build_id, page.cursor)
    assert rest and rest.lines == ("three",) and rest.done
    whole = it.runner.logs(build_id, "")
    assert whole and whole.lines == ("one", "zwei äöü", "three")


@pytest.mark.parametrize("cursor", ["-1", "x", "1e3", "9" * 17, "9" * 5000, "1 ", "٣", "../log", "\0"])
def test_a_hostile_cursor_is_refused(it: Driver, cursor: str) -> None:
    build_id = start(it)
    it.begin(build_id)
    it.log(build_id, "one")
    with pytest.raises(BoatyardError) as refused:
        it.runner.logs(build_id, cursor)
    assert refused.value.code == "INVALID_SPEC" and refused.value.field == "cursor"
    with pytest.raises(BoatyardError):
        it.runner.list(BuildQuery(page_token=cursor))


def test_nobody_knows_a_build_that_was_never_asked_for(it: Driver) -> None:
    for name in ("", "x", "../..", f"{tag()}-1", "/etc/passwd"):
        assert it.runner.status(name) is None
        assert it.runner.logs(name, "") is None
        assert it.runner.cancel(name) is None
    assert it.runner.latest(tag()) is None


def test_builds_are_listed_newest_first_page_by_page(it: Driver) -> None:
    made = []
    for number in range(6):
        build_id = start(it, number)
        made.append(build_id)
        it.begin(build_id)
        it.finish(build_id, FAILED if number % 2 else SUCCEEDED)
    seen, token, pages = [], "", 0
    while True:
        page = it.runner.list(BuildQuery(page_size=4, page_token=token))
        seen += [build.id for build in page.builds]
        token, pages = page.next_page_token, pages + 1
        if not token:
            break
    assert seen == made[::-1] and pages == 2
    failed = it.runner.list(BuildQuery(state=State.FAILED))
    assert [build.id for build in failed.builds] == made[5::-2]
    assert it.runner.list(BuildQuery(project="other")).builds == ()
    whole = it.runner.list(BuildQuery(page_size=6))
    assert len(whole.builds) == 6 and whole.next_page_token == ""


def test_builds_that_may_not_be_seen_leave_no_trace_in_pages(it: Driver) -> None:
    """Pages have the same size and the same ends as without them, and no token contains anything about them."""
    mine, foreign = [], []
    for number in range(8):
        project = OTHER if number % 2 else ""
        build_id = start(it, number, project=project)
        (foreign if project else mine).append(build_id)
        it.begin(build_id)
        it.finish(build_id, SUCCEEDED)
    visible = (("default/*", "else/*"), ("*",))
    seen, token = [], ""
    for expected in (3, 1):
        page = it.runner.list(BuildQuery(page_size=3, page_token=token, visible=visible))
        seen += [build.id for build in page.builds]
        token = page.next_page_token
        assert len(page.builds) == expected
        assert not any(build_id in token for build_id in foreign)
    assert seen == mine[::-1] and token == ""
    exact = it.runner.list(BuildQuery(page_size=4, visible=visible))
    assert len(exact.builds) == 4 and exact.next_page_token == "", "nothing reveals that there are more"
    assert it.runner.list(BuildQuery(project=OTHER, visible=visible)).builds == ()
    assert it.runner.list(BuildQuery(visible=(("nobody/*",),))) == BuildPage((), "")


def test_a_page_goes_on_where_it_ended_though_that_build_is_forgotten(it: Driver) -> None:
    """A token contains the last listed build and the time of its request."""
    made = []
    for number in range(3):
        made.append(start(it, number))
        it.begin(made[-1])
        it.finish(made[-1], SUCCEEDED)
    first = it.runner.list(BuildQuery(page_size=1))
    before, dot, _ = first.next_page_token.partition(".")
    gone = f"{before}{dot}{'f' * 32}-1"
    rest = it.runner.list(BuildQuery(page_token=gone))
    assert {build.id for build in rest.builds} <= set(made[:2])
