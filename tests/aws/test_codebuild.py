"""Between the lock and StartBuild, and after it: whatever stops in between, one build runs."""

import subprocess
from collections.abc import Callable

import msgspec
import pytest

from boatyard.build import State
from boatyard.errors import BoatyardError
from boatyard.settings import Limits
from boatyard_aws.clients import Clients
from boatyard_serverless.builds.ledger import Ledger
from boatyard_aws.bucket import S3Bucket, layout
from tests.aws.cloud import Cloud
from tests.aws.hands import CodeBuildHands
from tests.local.jobs import job, tag

ID = f"{tag()}-1"


@pytest.fixture
def it(cloud: Cloud, clients: Clients, bucket: str) -> CodeBuildHands:
    return CodeBuildHands(cloud, clients, bucket, Limits())


def ensure(it: CodeBuildHands) -> tuple[str, bool]:
    ensured = it.runner.ensure(job(), tag(), force=False)
    return ensured.build.id, ensured.joined


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


def test_the_job_is_told_by_its_record_and_runs_boatyard_buildkit(it: CodeBuildHands) -> None:
    ensure(it)
    asked = it.codebuild.of(ID).parameters
    assert "python3 -m boatyard_aws.build_step" in asked["buildspecOverride"]
    assert asked["timeoutInMinutesOverride"] == 6 and asked["idempotencyToken"] == ID
    assert "FROM scratch" not in str(asked), "a Dockerfile is larger than CodeBuild's variables may be"


def test_a_starter_that_dies_before_startbuild_is_taken_over(
    it: CodeBuildHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.runner._observer, "start", lambda held: (_ for _ in ()).throw(SystemExit))
        ensure(it)
    assert ensure(it) == (ID, True), "it may still be on its way"
    assert not it.codebuild.builds
    it.clock.sleep(61)
    assert ensure(it) == (ID, True)
    assert it.codebuild.of(ID)
    it.begin(ID)
    build = it.runner.status(ID)
    assert build and build.state is State.RUNNING


def test_a_starter_that_dies_after_startbuild_starts_no_second_build(
    it: CodeBuildHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = it.runner._observer._ledger
    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(ledger, "replace", lambda held, record: (_ for _ in ()).throw(SystemExit))
        ensure(it)
    assert len(it.codebuild.builds) == 1
    it.clock.sleep(61)
    assert ensure(it) == (ID, True)
    assert len(it.codebuild.builds) == 1, "the same idempotency token"
    record = it._ledger.get(ID)
    assert record and record.record.codebuild_id == it.codebuild.of(ID).id


def test_ten_functions_take_over_at_once_and_one_starts(it: CodeBuildHands, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with monkeypatch.context() as dying, pytest.raises(SystemExit):
        dying.setattr(it.runner._observer, "start", lambda held: (_ for _ in ()).throw(SystemExit))
        ensure(it)
    it.clock.sleep(61)
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(lambda _: ensure(it), range(10))) == {(ID, True)}
    assert len(it.codebuild.builds) == 1


def test_a_refused_start_is_told_and_the_next_request_begins_anew(it: CodeBuildHands, cloud: Cloud) -> None:
    it.codebuild.limit = 0
    error = refused(lambda: ensure(it))
    assert error.code == "TOO_MANY_BUILDS" and error.retry_after_seconds
    it.codebuild.limit = 1
    assert ensure(it) == (f"{tag()}-2", False)


@pytest.mark.parametrize(
    ("failure", "code"),
    [("AccessDeniedException", "DATAPLANE_DENIED"), ("ThrottlingException", "DATAPLANE_UNAVAILABLE")],
)
def test_a_start_that_is_denied_or_throttled_is_not_a_build(
    it: CodeBuildHands, cloud: Cloud, failure: str, code: str
) -> None:
    cloud.fail("StartBuild", failure)
    error = refused(lambda: ensure(it))
    assert error.code == code and "codebuild:StartBuild" in error.detail
    cloud.faults.clear()
    assert ensure(it) == (f"{tag()}-2", False)


def test_a_start_that_nobody_answered_stays_one_build(it: CodeBuildHands, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ReadTimeoutError

    client = it.runner._observer._starter._clients.codebuild()
    with monkeypatch.context() as slow:
        real = client.start_build

        def lost(**asked: object) -> None:
            real(**asked)  # type: ignore[arg-type]
            raise ReadTimeoutError(endpoint_url="x")

        slow.setattr(client, "start_build", lost)
        assert ensure(it) == (ID, False)
    it.clock.sleep(61)
    it.runner.status(ID)
    assert len(it.codebuild.builds) == 1


def test_a_cancel_that_meets_the_start_stops_what_was_started(
    it: CodeBuildHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter = it.runner._observer._starter
    real = starter.start

    def start(record: object) -> str:
        started = real(record)  # type: ignore[arg-type]
        assert it.runner.cancel(ID)
        return started

    monkeypatch.setattr(starter, "start", start)
    ensured = it.runner.ensure(job(), tag(), force=False)
    assert ensured.build.state is State.CANCELLED
    assert it.codebuild.of(ID).status == "STOPPED"


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        ("STOPPED", State.CANCELLED, "CANCELLED"),
        ("TIMED_OUT", State.TIMED_OUT, "TIMED_OUT"),
        ("FAULT", State.ERRORED, "BUILDER_LOST"),
        ("FAILED", State.ERRORED, "BUILDER_LOST"),
        ("SUCCEEDED", State.ERRORED, "BUILDER_LOST"),
    ],
)
def test_an_end_without_a_result_is_explained_by_codebuild(
    it: CodeBuildHands, status: str, state: State, code: str
) -> None:
    ensure(it)
    it.begin(ID)
    played = it.codebuild.of(ID)
    played.status, played.reason = status, "unable to pull customer's container image"
    build = it.runner.status(ID)
    assert build and build.state is state and build.error and build.error.code == code
    if code == "BUILDER_LOST":
        assert "unable to pull" in build.error.message
    assert it.runner._ledger.open() == []


def test_a_running_build_is_cancelled_when_codebuild_has_stopped_it(it: CodeBuildHands) -> None:
    ensure(it)
    it.begin(ID)
    it.runner.cancel(ID)
    build = it.runner.status(ID)
    assert build and build.state is State.CANCELLED


def test_a_build_that_codebuild_forgot_is_lost(it: CodeBuildHands) -> None:
    ensure(it)
    it.codebuild.builds.clear()
    build = it.runner.status(ID)
    assert build and build.error and build.error.code == "BUILDER_LOST"


def test_a_cluster_of_questions_that_fail_leaves_the_build_as_it_is(it: CodeBuildHands, cloud: Cloud) -> None:
    ensure(it)
    cloud.fail("BatchGetBuilds", "ThrottlingException")
    assert refused(lambda: it.runner.status(ID)).code == "DATAPLANE_UNAVAILABLE"
    cloud.faults.clear()
    build = it.runner.status(ID)
    assert build and build.state is State.QUEUED


def test_a_cursor_that_has_expired_says_so(it: CodeBuildHands, cloud: Cloud) -> None:
    ensure(it)
    it.begin(ID)
    it.log(ID, "one")
    page = it.runner.logs(ID, "")
    cloud.fail("GetLogEvents", "InvalidParameterException")
    assert page and refused(lambda: it.runner.logs(ID, page.cursor)).field == "cursor"


def test_the_job_runs_once_even_if_codebuild_starts_it_twice(
    it: CodeBuildHands, cloud: Cloud, clients: Clients, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from boatyard_aws.build_step import inside

    ensure(it)
    ran: list[list[str]] = []

    class Process:
        returncode = 0

        def __init__(self, argv: list[str], env: dict[str, str]) -> None:
            ran.append(argv)

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    environment = it.codebuild.of(ID).environment
    assert inside.main(environment) == 0
    assert inside.main(environment) == 0
    assert len(ran) == 1 and ran[0][1:3] == ["-m", "boatyard_buildkit"]


def test_a_job_whose_secret_is_gone_says_so_as_its_result(it: CodeBuildHands) -> None:
    from boatyard.job import JobSecret
    from boatyard_aws.build_step import inside

    def with_secret(attempt: int) -> object:
        return msgspec.structs.replace(job()(attempt), secrets=(JobSecret(id="x", name="TOKEN"),))

    it.runner.ensure(with_secret, tag(), force=False)  # type: ignore[arg-type]
    it.begin(ID)
    assert inside.main(it.codebuild.of(ID).environment) == 1
    build = it.runner.status(ID)
    assert build and build.state is State.FAILED and build.error and build.error.code == "SECRET_NOT_FOUND"


def test_what_is_listed_may_be_announced_twice(it: CodeBuildHands, clients: Clients, bucket: str) -> None:
    from boatyard.ports import BuildQuery

    ensure(it)
    record = it._ledger.get(ID)
    assert record
    Ledger(S3Bucket(clients, bucket)).announce(record.record.build)
    assert [build.id for build in it.runner.list(BuildQuery()).builds] == [ID]
    assert len(list(S3Bucket(clients, bucket).keys(layout.BUILDS))) >= 1
