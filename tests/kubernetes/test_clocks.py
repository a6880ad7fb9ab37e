"""With a function whose clock is wrong, waits and holds are measured by the API server's clock."""

import pytest

from boatyard.build import State
from boatyard.job import JobResult
from boatyard.lifecycle import failure
from boatyard.ports import Clock
from boatyard_buildkit.termination import brief
from boatyard_kubernetes import KubernetesJobRunner
from boatyard_kubernetes.names import job_name
from tests.kubernetes.site import Site, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
FAILED = brief(JobResult(state=State.FAILED, error=failure("COMMAND_FAILED", "x"))).decode()
DAY = 86_400.0


class Wrong:
    def __init__(self, clock: Clock, by: float) -> None:
        self._clock = clock
        self.by = by

    def now(self) -> float:
        return self._clock.now() + self.by

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


def runner(it: Site, by: float) -> tuple[KubernetesJobRunner, Wrong]:
    clock = Wrong(it.clock, by)
    return KubernetesJobRunner(it.connect(), it.settings, clock, fresh_seconds=0, pause=lambda _: None), clock


@pytest.mark.parametrize("by", [DAY, -DAY, 3600.0, -3600.0])
def test_a_build_may_wait_as_long_as_it_may(by: float) -> None:
    with site(settings(startSeconds=300)) as (it, node):
        wrong, _ = runner(it, by)
        wrong.ensure(job(), tag(), force=False)
        node.do("unschedulable", NAME, "no room")
        it.clock.sleep(200)
        assert (build := wrong.status(ID)) and build.state is State.QUEUED
        it.clock.sleep(200)
        assert (build := wrong.status(ID)) and build.error and build.error.code == "DATAPLANE_UNAVAILABLE"
        assert abs((build.finished_at or 0) - it.clock.now()) < 3, "by the cluster's clock"


@pytest.mark.parametrize("by", [DAY, -DAY])
def test_a_failure_is_held_for_as_long_as_it_is(by: float) -> None:
    with site() as (it, node):
        hold = it.settings.limits.failure_hold_seconds
        wrong, _ = runner(it, by)
        wrong.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 1, FAILED)
        it.clock.sleep(hold / 2)
        assert wrong.ensure(job(), tag(), force=False).joined
        it.clock.sleep(hold)
        assert not wrong.ensure(job(), tag(), force=False).joined


def test_a_clock_that_jumps_while_a_build_runs_ends_nothing() -> None:
    with site() as (it, node):
        jumping, clock = runner(it, 0)
        jumping.ensure(job(), tag(), force=False)
        node.start(NAME)
        for by in (DAY, -DAY, 0):
            clock.by = by
            assert (build := jumping.status(ID)) and build.state is State.RUNNING
            assert build.started_at and abs(build.started_at - it.clock.now()) < 3
