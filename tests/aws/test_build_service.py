"""Requests to CodeBuild, and the meaning of its refusals."""

from collections.abc import Callable

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws.build_service import CodeBuild, CodeBuildProject
from boatyard_aws.clients import Clients
from boatyard_serverless.ports import Unsure
from tests.aws import codebuild
from tests.aws.cloud import Cloud

ID = "0" * 32 + "-1"


@pytest.fixture
def played(cloud: Cloud) -> codebuild.CodeBuild:
    return codebuild.CodeBuild(cloud)


@pytest.fixture
def service(played: codebuild.CodeBuild, clients: Clients, bucket: str) -> CodeBuild:
    return CodeBuild(clients, CodeBuildProject(name=codebuild.PROJECT), bucket)


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


def test_a_build_is_started_by_name_and_runs_the_build_step(service: CodeBuild, played: codebuild.CodeBuild) -> None:
    service.start(ID, timeout_seconds=60)
    asked = played.of(ID).parameters
    assert "python3 -m boatyard_aws.build_step" in asked["buildspecOverride"]
    assert asked["timeoutInMinutesOverride"] == 6 and asked["idempotencyToken"] == ID
    assert sorted(played.of(ID).environment) == ["BOATYARD_BUCKET", "BOATYARD_BUILD_ID", "BOATYARD_SECRET_PREFIX"]


def test_equal_starts_are_one_build(service: CodeBuild, played: codebuild.CodeBuild) -> None:
    assert service.start(ID, timeout_seconds=60) == service.start(ID, timeout_seconds=60)
    assert len(played.builds) == 1


def test_the_account_s_own_limit_is_a_full_queue(service: CodeBuild, played: codebuild.CodeBuild) -> None:
    played.limit = 0
    error = refused(lambda: service.start(ID, timeout_seconds=60))
    assert error.code == "TOO_MANY_BUILDS" and error.retry_after_seconds


@pytest.mark.parametrize(
    ("failure", "code"),
    [("AccessDeniedException", "DATAPLANE_DENIED"), ("ThrottlingException", "DATAPLANE_UNAVAILABLE")],
)
def test_a_start_that_is_denied_or_throttled_says_so(service: CodeBuild, cloud: Cloud, failure: str, code: str) -> None:
    cloud.fail("StartBuild", failure)
    error = refused(lambda: service.start(ID, timeout_seconds=60))
    assert error.code == code and "codebuild:StartBuild" in error.detail


def test_a_start_that_nobody_answered_is_unsure(
    service: CodeBuild, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ReadTimeoutError

    def lost(**asked: object) -> None:
        raise ReadTimeoutError(endpoint_url="x")

    monkeypatch.setattr(clients.codebuild(), "start_build", lost)
    with pytest.raises(Unsure):
        service.start(ID, timeout_seconds=60)


def test_an_end_that_codebuild_does_not_explain_names_its_status(
    service: CodeBuild, played: codebuild.CodeBuild
) -> None:
    execution = service.start(ID, timeout_seconds=60)
    played.of(ID).status = "FAULT"
    found = service.look(execution)
    assert found and found.state == "ended" and "FAULT" in found.reason


def test_questions_that_fail_say_which_permission_they_need(service: CodeBuild, cloud: Cloud) -> None:
    execution = service.start(ID, timeout_seconds=60)
    cloud.fail("BatchGetBuilds", "AccessDeniedException")
    assert "codebuild:BatchGetBuilds" in refused(lambda: service.look(execution)).detail


def test_a_cursor_that_has_expired_says_so(service: CodeBuild, cloud: Cloud) -> None:
    execution = service.start(ID, timeout_seconds=60)
    cloud.fail("GetLogEvents", "InvalidParameterException")
    assert refused(lambda: service.log(execution, "f/1")).field == "cursor"
