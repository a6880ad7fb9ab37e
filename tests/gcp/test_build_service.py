"""Requests to Cloud Build, and the meaning of its states and refusals."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_service import CloudBuild
from boatyard_gcp.rest import GoogleRest
from boatyard_serverless.ports import Unsure
from tests.gcp import cloud_build as played_service
from tests.gcp.cloud_build import ACCOUNT, CANCEL, CREATE, GET, LIST, PARENT
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.gcp.site import IMAGE, builder

ID = "0" * 32 + "-1"


@pytest.fixture
def service(cloud_build: played_service.CloudBuild, rest: GoogleRest) -> CloudBuild:
    return CloudBuild(rest, builder("bucket-one"))


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


def start(service: CloudBuild) -> str:
    return service.start(ID, timeout_seconds=600)


def test_one_step_runs_the_builder_as_the_builds_account(
    service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    execution = start(service)
    build = cloud_build.of(ID)
    assert execution == f"{PARENT}/builds/{build.id}"
    assert build.step["name"] == IMAGE and build.command == ["python", "-m", "boatyard_gcp.build_step"]
    assert build.environment == {
        "BOATYARD_BUILD_ID": ID,
        "BOATYARD_BUCKET": "bucket-one",
        "BOATYARD_PROJECT": PROJECT,
        "BOATYARD_SECRET_PREFIX": "boatyard",
        "BOATYARD_ENGINE_ROOT": "/workspace/boatyard-engine",
        "BOATYARD_EXECUTION": build.id,
    }
    assert build.asked["serviceAccount"] == f"projects/{PROJECT}/serviceAccounts/{ACCOUNT}"
    assert (build.asked["timeout"], build.asked["queueTtl"]) == ("900s", "3600s")
    assert build.log_object == ("bucket-one", f"logs/log-{build.id}.txt")
    assert ID in build.asked["tags"]


@pytest.mark.parametrize(
    ("chosen", "options"),
    [
        ({"machine": "E2_HIGHCPU_8"}, {"machineType"}),
        ({"pool": f"{PARENT}/workerPools/private"}, {"pool"}),
        ({"disk_gb": 200}, {"diskSizeGb"}),
    ],
)
def test_machines_are_the_deployments_choice(
    chosen: dict[str, object], options: set[str], cloud_build: played_service.CloudBuild, rest: GoogleRest
) -> None:
    CloudBuild(rest, builder("bucket-one", **chosen)).start(ID, timeout_seconds=10**6)
    asked = cloud_build.of(ID).asked
    assert options <= set(asked["options"]) and asked["timeout"] == "86400s"


@pytest.mark.parametrize(
    "chosen",
    [
        {"pool": "projects/p/locations/l/workerPools/w", "machine": "E2_MEDIUM"},
        {"logs": "bucket-one/logs"},
        {"logs": "gs://"},
        {"logs": "gs://bucket-one/../other"},
        {"logs": "gs://bucket-one/logs?x=1"},
    ],
)
def test_a_builder_that_cannot_be_is_refused_before_any_build(chosen: dict[str, object], rest: GoogleRest) -> None:
    assert refused(lambda: CloudBuild(rest, builder("bucket-one", **chosen))).code == "INVALID_SPEC"


@pytest.mark.parametrize(
    ("status", "failure", "state", "reason"),
    [
        ("STATUS_UNKNOWN", "", "waiting", ""),
        ("PENDING", "", "waiting", ""),
        ("QUEUED", "", "waiting", ""),
        ("WORKING", "", "running", ""),
        ("SUCCESS", "", "ended", "SUCCESS"),
        ("FAILURE", "USER_BUILD_STEP", "ended", "FAILURE: USER_BUILD_STEP: because"),
        ("FAILURE", "LOGGING_FAILURE", "ended", "FAILURE: LOGGING_FAILURE: because"),
        ("INTERNAL_ERROR", "", "ended", "INTERNAL_ERROR"),
        ("TIMEOUT", "", "timed_out", ""),
        ("CANCELLED", "", "stopped", ""),
        ("EXPIRED", "", "ended", "no machine was free for the build within 3600 seconds"),
    ],
)
def test_every_state_is_one_of_ours(
    status: str, failure: str, state: str, reason: str, service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    execution = start(service)
    build = cloud_build.of(ID)
    build.status, build.failure, build.detail = status, failure, "because" if failure else ""
    found = service.look(execution)
    assert found and (found.state, reason in found.reason) == (state, True)


def test_no_state_of_the_published_ones_is_forgotten() -> None:
    from google.cloud.devtools.cloudbuild_v1 import Build

    (marks,) = (m for m in test_every_state_is_one_of_ours.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {row[0] for row in marks.args[1]} == {status.name for status in Build.Status}


def test_the_client_is_imported_by_a_request_that_needs_it() -> None:
    code = "import sys, boatyard_gcp.build_service; print({'google.auth', 'google.cloud.devtools'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_a_lost_answer_is_looked_up(service: CloudBuild, cloud_build: played_service.CloudBuild) -> None:
    cloud_build.server.fail(CREATE, 503, "UNAVAILABLE", done=True)
    assert start(service) == f"{PARENT}/builds/{cloud_build.of(ID).id}"
    assert cloud_build.server.count(CREATE) == 1, "a second request would be a second build"


@pytest.mark.parametrize("also", ["", LIST])
def test_a_start_whose_build_is_not_seen_is_unsure(
    also: str, service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    cloud_build.server.fail(CREATE, 500, "INTERNAL")
    if also:
        cloud_build.server.fail(LIST, 403, "PERMISSION_DENIED")
    with pytest.raises(Unsure):
        start(service)


def test_a_service_that_cannot_be_reached_took_nothing(
    metadata: MetadataServer, rest: GoogleRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDBUILD", "http://127.0.0.1:1")
    error = refused(lambda: CloudBuild(rest, builder("bucket-one")).start(ID, timeout_seconds=600))
    assert error.code == "DATAPLANE_UNAVAILABLE" and "cloudbuild.builds.create" in error.detail


def test_no_token_is_sent_where_others_can_read_it(rest: GoogleRest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDBUILD", "http://builds.example.com")
    assert "plain http" in refused(lambda: start(CloudBuild(rest, builder("bucket-one")))).detail


def test_a_used_up_quota_is_a_full_queue(service: CloudBuild, cloud_build: played_service.CloudBuild) -> None:
    cloud_build.server.fail(CREATE, 429, "RESOURCE_EXHAUSTED", reason="RATE_LIMIT_EXCEEDED")
    error = refused(lambda: start(service))
    assert error.code == "TOO_MANY_BUILDS" and error.retry_after_seconds


@pytest.mark.parametrize(
    ("reason", "info", "expected"),
    [
        ("IAM_PERMISSION_DENIED", {"permission": "cloudbuild.builds.create"}, ["roles/cloudbuild.builds.editor"]),
        ("IAM_PERMISSION_DENIED", {"permission": "iam.serviceAccounts.actAs"},
         ["roles/iam.serviceAccountUser", ACCOUNT]),
        ("IAM_PERMISSION_DENIED", {"permission": "cloudbuild.workerpools.use"}, ["roles/cloudbuild.workerPoolUser"]),
        ("", {}, ["roles/cloudbuild.builds.editor", "roles/iam.serviceAccountUser"]),
        ("SERVICE_DISABLED", {"service": "cloudbuild.googleapis.com"},
         ["gcloud services enable cloudbuild.googleapis.com"]),
    ],
)  # fmt: skip
def test_a_denied_start_names_the_role(
    reason: str, info: dict[str, str], expected: list[str], service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    cloud_build.server.fail(CREATE, 403, "PERMISSION_DENIED", reason=reason, info=info)
    error = refused(lambda: start(service))
    assert error.code == "DATAPLANE_DENIED" and all(each in error.detail for each in expected), error.detail


def test_a_build_that_google_does_not_take_is_explained_in_its_words(
    service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    cloud_build.server.fail(CREATE, 400, "FAILED_PRECONDITION")
    error = refused(lambda: start(service))
    assert error.code == "DATAPLANE_UNAVAILABLE" and "400 FAILED_PRECONDITION" in error.detail
    assert "a message for people" in error.detail


@pytest.mark.parametrize(("method", "ask"), [(GET, "look"), (CANCEL, "stop")])
def test_a_denied_question_names_its_permission(
    method: str, ask: str, service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    execution = start(service)
    cloud_build.server.fail(method, 403, "PERMISSION_DENIED")
    error = refused(lambda: getattr(service, ask)(execution))
    assert error.code == "DATAPLANE_DENIED" and "cloudbuild.builds." in error.detail


@pytest.mark.parametrize("ask", ["look", "stop"])
def test_a_question_is_repeated_while_the_fault_may_pass(
    ask: str, service: CloudBuild, cloud_build: played_service.CloudBuild
) -> None:
    execution = start(service)
    cloud_build.server.fail(GET if ask == "look" else CANCEL, 503, "UNAVAILABLE", times=1)
    getattr(service, ask)(execution)


def test_a_stop_of_a_build_that_is_gone_does_nothing(service: CloudBuild) -> None:
    service.stop(f"{PARENT}/builds/00000000-0000-0000-0000-000000000000")


def test_a_token_that_is_refused_is_renewed(
    service: CloudBuild, cloud_build: played_service.CloudBuild, metadata: MetadataServer
) -> None:
    execution = start(service)
    metadata.revoke()
    assert service.look(execution) and metadata.given == 2


def test_an_execution_of_another_form_has_no_log(service: CloudBuild, bucket: GcsBucket) -> None:
    assert service.log("execution-1", "") is None
