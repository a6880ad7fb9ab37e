"""One build for many callers, whichever process dies: Cloud Build has no idempotency token, so the job's lock
decides."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from boatyard.build import State
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_service import CloudBuild as CloudBuildService
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless import keys
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.growing_log import BEGIN
from tests.gcp.cloud_build import CREATE, CloudBuild
from tests.gcp.site import builder
from tests.gcp.steps import run_bare
from tests.local.jobs import job, tag

ID = f"{tag()}-1"


class Function:
    """An instance of the function. All instances share the bucket and the clock."""

    def __init__(self, rest: GoogleRest, bucket: GcsBucket, clock: ManualClock) -> None:
        service = CloudBuildService(rest, builder(bucket.name))
        self.runner = ServiceJobRunner(bucket, service, clock, Settings(limits=Limits(queued_builds=100)))

    def ensure(self) -> tuple[str, bool]:
        ensured = self.runner.ensure(job(), tag(), force=False)
        return ensured.build.id, ensured.joined


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(time.time())


@pytest.fixture
def function(cloud_build: CloudBuild, rest: GoogleRest, bucket: GcsBucket, clock: ManualClock) -> Function:
    return Function(rest, bucket, clock)


def test_fifty_equal_requests_are_one_build(
    function: Function, cloud_build: CloudBuild, rest: GoogleRest, bucket: GcsBucket, clock: ManualClock
) -> None:
    functions = [function, *(Function(rest, bucket, clock) for _ in range(4))]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: functions[number % 5].ensure(), range(50)))
    assert {build_id for build_id, _ in answers} == {ID}
    assert [joined for _, joined in answers].count(False) == 1
    assert cloud_build.server.count(CREATE) == 1


def test_a_function_that_is_killed_before_it_asks_leaves_a_build_that_another_starts(
    function: Function, cloud_build: CloudBuild, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(CloudBuildService, "start", killed)
        function.ensure()
    assert not cloud_build.builds and function.ensure() == (ID, True)
    clock.sleep(61)
    assert function.ensure() == (ID, True) and cloud_build.of(ID).status == "QUEUED"


def test_a_function_that_is_killed_before_it_remembers_makes_two_builds_of_which_one_works(
    function: Function, cloud_build: CloudBuild, bucket: GcsBucket, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = CloudBuildService.start

    def killed(service: CloudBuildService, build_id: str, *, timeout_seconds: int) -> str:
        start(service, build_id, timeout_seconds=timeout_seconds)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(CloudBuildService, "start", killed)
        function.ensure()
    clock.sleep(61)
    assert function.ensure() == (ID, True)
    orphan, kept = cloud_build.builds.values()
    kept.status = "WORKING"
    first, second = run_bare(kept), run_bare(orphan)
    assert first.stdout.startswith(f"{BEGIN}\n") and "nothing to do" not in first.stdout, first.stderr
    assert second.returncode == 0 and "runs in another build" in second.stdout, second.stderr
    lock = bucket.get(f"{keys.build_folder(ID)}started")
    assert lock and lock.body.decode() == kept.id


def test_a_build_that_was_cancelled_while_it_waited_does_nothing(function: Function, cloud_build: CloudBuild) -> None:
    function.ensure()
    function.runner.cancel(ID)
    build = cloud_build.of(ID)
    assert build.status == "CANCELLED"
    done = run_bare(build)
    assert done.returncode == 0 and "has ended" in done.stdout, done.stderr


def test_a_build_for_which_no_machine_was_free_ends(function: Function, cloud_build: CloudBuild) -> None:
    function.ensure()
    cloud_build.of(ID).status = "EXPIRED"
    build = function.runner.status(ID)
    assert build and build.state is State.ERRORED and build.error
    assert build.error.code == "BUILDER_LOST" and "no machine was free" in build.error.message
