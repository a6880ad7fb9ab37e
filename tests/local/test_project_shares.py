"""A project that requests everything does not block another."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import Build, State
from boatyard.context import Context
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobContext
from boatyard.ports import BuildQuery
from boatyard.settings import Limits
from boatyard_local.clock import SystemClock
from boatyard_local.jobs import LocalJobRunner
from boatyard_local.jobs.record import FolderRecord
from boatyard_local.jobs.retention import Retention
from boatyard_local.state import StateFolder
from tests.local.jobs import QUICK, argv, ended, job, runner, tag, until


def of(project: str, number: int, domain: str = "development", **script: Any) -> Callable[[int], BuildJob]:
    make = job(number, **script)
    return lambda attempt: msgspec.structs.replace(make(attempt), project=project, domain=domain)


def ask(it: LocalJobRunner, project: str, number: int, **script: Any) -> Build:
    return it.ensure(of(project, number, **script), tag(number), force=False).build


def test_a_flood_of_one_project_is_not_in_front_of_another(tmp_path: Path) -> None:
    it = runner(tmp_path, concurrent_builds=2)
    flood = [ask(it, "greedy", number, seconds=0.2) for number in range(40)]
    single = ended(it, ask(it, "modest", 100, seconds=0).id)
    states = [it.status(build.id) for build in flood]
    assert single.state is State.SUCCEEDED
    assert sum(build is not None and build.state is State.QUEUED for build in states) > 25
    for build in flood:
        it.cancel(build.id)
    it.close()


def test_domains_take_turns_too_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    first = runner(tmp_path, concurrent_builds=1)
    blocker = ask(first, "greedy", 0, seconds=1)
    flood = [ask(first, "greedy", 1 + number, seconds=0) for number in range(10)]
    single = ask(first, "greedy", 100, domain="production", seconds=0)
    first.close()
    again = runner(tmp_path, concurrent_builds=1)
    started = [ended(again, build.id).started_at or 0 for build in (blocker, *flood)]
    assert sum(at > (ended(again, single.id).started_at or 0) for at in started) >= 9
    again.close()


def test_a_project_runs_no_more_than_its_limit(tmp_path: Path) -> None:
    it = runner(tmp_path, concurrent_builds=3, concurrent_builds_per_project=1)
    builds = [
        ask(it, project, 10 * place + number, seconds=0.4) for place, project in enumerate("ab") for number in (0, 1)
    ]
    most = 0

    def over() -> bool:
        nonlocal most
        now = it.list(BuildQuery()).builds
        for project in "ab":
            most = max(most, sum(build.project == project and build.state is State.RUNNING for build in now))
        return all(build.state.ended for build in now)

    until(over, 20)
    assert most == 1 and all(ended(it, build.id).state is State.SUCCEEDED for build in builds)
    it.close()


@pytest.mark.parametrize(
    ("limits", "first", "says"),
    [
        ({"queued_builds": 4}, 2, "greedy/development has 2 builds waiting, which is its share"),
        ({"queued_builds": 40, "queued_builds_per_project": 3}, 3, "limits.queuedBuildsPerProject is 3"),
        ({"queued_builds": 2, "queued_builds_per_project": 9}, 2, "the queue is full: limits.queuedBuilds is 2"),
    ],
)
def test_a_full_queue_says_whose_and_leaves_room_for_others(
    tmp_path: Path, limits: dict[str, int], first: int, says: str
) -> None:
    it = runner(tmp_path, concurrent_builds=1, **limits)
    ask(it, "greedy", 0, seconds=60)
    until(lambda: (build := it.status(f"{tag(0)}-1")) and build.state is State.RUNNING)
    for number in range(1, first + 1):
        ask(it, "greedy", number, seconds=0)
    with pytest.raises(BoatyardError) as refused:
        ask(it, "greedy", 50)
    assert refused.value.code == "TOO_MANY_BUILDS" and says in refused.value.detail
    assert refused.value.retry_after_seconds and not list((StateFolder(tmp_path).builds).glob(f"{tag(50)}*"))
    if "the queue is full" not in says:
        assert ask(it, "modest", 51, seconds=0).state is State.QUEUED
    for build in it.list(BuildQuery()).builds:
        it.cancel(build.id)
    it.close()


def test_a_project_does_not_fill_the_store_of_contexts_with_what_waits(tmp_path: Path) -> None:
    it = runner(tmp_path, concurrent_builds=1, context_store_bytes=100)

    def ask_with(project: str, number: int, context: str, size: int) -> Build:
        make = of(project, number, seconds=60)
        files = JobContext(context=Context(sha256=context * 64, size=size))
        return it.ensure(
            lambda attempt: msgspec.structs.replace(make(attempt), context=files), tag(number), force=False
        ).build

    for number, context in enumerate("aabb"):
        ask_with("greedy", number, context, 30)
    with pytest.raises(BoatyardError) as refused:
        ask_with("greedy", 10, "c", 30)
    assert refused.value.code == "TOO_MANY_BUILDS" and "limits.contextStoreBytes" in refused.value.detail
    assert ask_with("modest", 11, "d", 30).state is State.QUEUED
    for build in it.list(BuildQuery()).builds:
        it.cancel(build.id)
    it.close()


def record(project: str, number: int, at: float, state: State = State.SUCCEEDED, log_bytes: int = 0) -> FolderRecord:
    build = Build(
        id=f"{number:032x}-1",
        key="k",
        attempt=1,
        target="t",
        project=project,
        domain="d",
        platforms=(),
        state=state,
        created_at=at,
        finished_at=at if state.ended else None,
    )
    return FolderRecord(number=number, build=build, timeout_seconds=1, log_bytes=log_bytes)


def test_a_flood_of_one_project_takes_no_record_of_another() -> None:
    modest = [record("modest", number, at=number) for number in range(10)]
    flood = [record("greedy", 100 + number, at=1_000 + number) for number in range(500)]
    running = [record("greedy", 1_000, at=0, state=State.RUNNING)]
    retention = Retention(builds=100, days=1)
    outdated = retention.outdated([*modest, *flood, *running], now=2_000)
    assert outdated == flood[:410], "the oldest of those who have most"
    assert retention.outdated(flood[:100], now=2_000) == [], "who is alone has all of the room"


def test_equal_floods_keep_equally_much() -> None:
    records = [
        record(project, 1_000 * place + number, at=number)
        for place, project in enumerate("abc")
        for number in range(300)
    ]
    left = set(range(3_000)) - {record.number for record in Retention(builds=90, days=1).outdated(records, now=300)}
    assert [sum(1000 * place <= number < 1000 * place + 300 for number in left) for place in range(3)] == [30, 30, 30]


def test_large_logs_take_the_room_of_their_own_project() -> None:
    modest = [record("modest", number, at=number, log_bytes=10) for number in range(5)]
    flood = [record("greedy", 100 + number, at=1_000 + number, log_bytes=100) for number in range(20)]
    outdated = Retention(builds=100, days=1, log_bytes=1_000).outdated([*modest, *flood], now=2_000)
    assert outdated == flood[:11]
    silent = [record("greedy", 100 + number, at=number) for number in range(20)]
    assert Retention(builds=100, days=1, log_bytes=0).outdated(silent, now=2_000) == []


def test_what_is_old_goes_first_and_makes_room() -> None:
    old = [record("a", number, at=0) for number in range(50)]
    young = [record("b", 100 + number, at=100_000) for number in range(50)]
    assert Retention(builds=60, days=1).outdated([*old, *young], now=100_001) == old


def test_logs_of_others_outlive_a_flood(tmp_path: Path) -> None:
    limits = Limits(concurrent_builds=4)
    it = LocalJobRunner(
        StateFolder(tmp_path), SystemClock(), argv=argv, limits=limits, patience=QUICK, retention=Retention(builds=6)
    ).open()
    kept = ended(it, ask(it, "modest", 0, seconds=0, lines=["mine"]).id)
    for number in range(1, 20):
        ended(it, ask(it, "greedy", number, seconds=0).id)
    until(lambda: len(it.list(BuildQuery()).builds) <= 6)
    page = it.logs(kept.id, "")
    assert page and page.lines == ("mine",)
    it.close()


def test_a_thousand_projects_cost_no_more_than_one(tmp_path: Path) -> None:
    before = time.process_time()
    records = [record(f"p{number % 1000}", number + 1, at=number) for number in range(12_000)]
    assert len(Retention(builds=2_000, days=30).outdated(records, now=12_000)) == 10_000
    assert time.process_time() - before < 2
