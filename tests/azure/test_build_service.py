"""What ACR Tasks is asked, what its states and its refusals mean, and how a run's log is read."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from boatyard.errors import BoatyardError
from boatyard.memory import ManualClock
from boatyard.settings import Limits, Settings
from boatyard_azure.build_service import AcrTasks
from boatyard_azure.rest import AzureRest
from boatyard_azure.stored_task import stored_task
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.memory import MemoryBucket
from boatyard_serverless.ports import Unsure
from tests.azure.acr_tasks import TASK, AcrTasksServer
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.resource_manager import REGISTRY, ResourceManager, refusal
from tests.local.jobs import job, tag

ID = "0" * 32 + "-1"
ROLE = f'--assignee {CLIENT_ID} --role "Container Registry Tasks Contributor" --scope {REGISTRY}'


@pytest.fixture
def service(acr_tasks: AcrTasksServer) -> AcrTasks:
    return AcrTasks(AzureRest(sleep=lambda _: None), stored_task(TASK))


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


def start(service: AcrTasks) -> str:
    return service.start(ID, timeout_seconds=600)


@pytest.mark.parametrize("accepted", [200, 202])
def test_a_run_of_the_stored_task_gets_the_build_and_its_time_and_nothing_else(
    service: AcrTasks, acr_tasks: AcrTasksServer, accepted: int
) -> None:
    acr_tasks.accepted = accepted
    execution = start(service)
    run = acr_tasks.of(ID)
    assert execution == f"{REGISTRY}/runs/{run.id}"
    assert run.values == {"build": ID, "timeout": "900"}
    assert set(run.asked) == {"type", "taskId", "overrideTaskStepProperties"}
    assert set(run.asked["overrideTaskStepProperties"]) == {"values"}
    service.stop(execution)
    assert run.status == "Canceled"


def test_a_run_takes_eight_hours_at_most_and_may_be_on_a_pool(acr_tasks: AcrTasksServer) -> None:
    AcrTasks(AzureRest(), stored_task(TASK, "pool1")).start(ID, timeout_seconds=10**6)
    run = acr_tasks.of(ID)
    assert run.values["timeout"] == "28800" and run.asked["agentPoolName"] == "pool1"


@pytest.mark.parametrize("build_id", ["$(id)", "a b", "a;b", "a\nb", "{{.Run.ID}}", "", "-v", "a" * 101, "a'b", "ü"])
def test_nothing_that_a_shell_or_yaml_reads_becomes_a_value(
    build_id: str, service: AcrTasks, acr_tasks: AcrTasksServer
) -> None:
    assert refused(lambda: service.start(build_id, timeout_seconds=600)).code == "INVALID_SPEC"
    assert not acr_tasks.runs


@pytest.mark.parametrize(
    ("task", "pool"),
    [
        ("boatyard-build", ""),
        (REGISTRY, ""),
        (f"{REGISTRY}/runs/ca1", ""),
        (f"{TASK}/x", ""),
        (f"{TASK}?x", ""),
        (f"{TASK}\n", ""),
        (TASK, "a pool"),
        (TASK, "x" * 21),
    ],
)
def test_a_task_is_named_by_its_resource_id(task: str, pool: str) -> None:
    assert refused(lambda: stored_task(task, pool)).code == "INVALID_SPEC"


@pytest.mark.parametrize(
    ("status", "message", "state", "reason"),
    [
        ("Queued", "", "waiting", ""),
        ("Started", "", "running", ""),
        ("Running", "", "running", ""),
        ("Succeeded", "", "ended", "Succeeded"),
        ("Failed", "failed to run step ID: build", "ended", "Failed: failed to run step ID: build"),
        ("Error", "pull\taccess denied", "ended", "Error: pull access denied"),
        ("Canceled", "", "stopped", ""),
        ("Timeout", "", "timed_out", ""),
    ],
)
def test_every_state_is_one_of_ours(
    status: str, message: str, state: str, reason: str, service: AcrTasks, acr_tasks: AcrTasksServer
) -> None:
    execution = start(service)
    run = acr_tasks.of(ID)
    run.status, run.message = status, message
    found = service.look(execution)
    assert found and (found.state, reason in found.reason) == (state, True)


def test_no_state_of_the_published_ones_is_forgotten() -> None:
    from azure.mgmt.containerregistrytasks.models import RunStatus

    (marks,) = (m for m in test_every_state_is_one_of_ours.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {row[0] for row in marks.args[1]} == {status.value for status in RunStatus}


def test_the_client_is_imported_by_a_request_that_needs_it() -> None:
    code = "import sys, boatyard_azure.build_service; print([name for name in sys.modules if name.startswith('azure')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_is_unsure_and_never_a_second_request(
    done: bool, service: AcrTasks, arm: ResourceManager, acr_tasks: AcrTasksServer
) -> None:
    arm.fail("scheduleRun", refusal(503, "ServiceUnavailable"), done=done)
    with pytest.raises(Unsure):
        start(service)
    assert arm.count("scheduleRun") == 1 and len(acr_tasks.runs) == done


def test_a_service_that_cannot_be_reached_took_nothing(service: AcrTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOATYARD_MANAGEMENT_ENDPOINT", "https://127.0.0.1:1")
    error = refused(lambda: start(AcrTasks(AzureRest(), stored_task(TASK))))
    assert error.code == "DATAPLANE_UNAVAILABLE" and "scheduleRun/action" in error.detail


@pytest.mark.parametrize(
    ("status", "word", "code", "said"),
    [
        (403, "AuthorizationFailed", "DATAPLANE_DENIED", ROLE),
        (403, "TasksOperationsNotAllowed", "DATAPLANE_DENIED", "ask Azure's support"),
        (404, "TaskNotFound", "DATAPLANE_DENIED", f"there is no task {TASK}"),
        (429, "TooManyRequests", "TOO_MANY_BUILDS", "no more runs"),
        (400, "InvalidAgentPool", "DATAPLANE_UNAVAILABLE", "a sentence for people"),
    ],
)
def test_a_start_that_is_refused_says_who_can_act(
    status: int, word: str, code: str, said: str, service: AcrTasks, arm: ResourceManager
) -> None:
    arm.fail("scheduleRun", refusal(status, word))
    error = refused(lambda: start(service))
    assert error.code == code and said in error.detail, error.detail
    assert bool(error.retry_after_seconds) == (status == 429)


@pytest.mark.parametrize(("path", "ask"), [("/runs/", "look"), ("/cancel", "stop"), ("/listLogSasUrl", "log")])
def test_a_denied_question_names_its_permission(
    path: str, ask: str, service: AcrTasks, arm: ResourceManager, acr_tasks: AcrTasksServer
) -> None:
    execution = start(service)
    acr_tasks.of(ID).status = "Running"
    arm.fail(path, refusal(403, "AuthorizationFailed"))
    error = refused(lambda: getattr(service, ask)(execution, *([""] if ask == "log" else [])))
    assert error.code == "DATAPLANE_DENIED" and ROLE in error.detail


@pytest.mark.parametrize("ask", ["look", "stop"])
def test_a_question_is_repeated_while_the_fault_may_pass(ask: str, service: AcrTasks, arm: ResourceManager) -> None:
    execution = start(service)
    arm.fail("/runs/", refusal(503, "ServiceUnavailable"))
    getattr(service, ask)(execution)


@pytest.mark.parametrize("pool", ["", "pool1"])
def test_a_run_that_is_not_cancelled_is_said(acr_tasks: AcrTasksServer, pool: str) -> None:
    service = AcrTasks(AzureRest(), stored_task(TASK, pool))
    execution = start(service)
    acr_tasks.of(ID).status = "Running"
    acr_tasks.refuses_cancels = True
    error = refused(lambda: service.stop(execution))
    assert error.code == "DATAPLANE_UNAVAILABLE" and ("agent pools" in error.detail) is bool(pool)


def test_a_stop_of_a_run_that_is_gone_does_nothing(service: AcrTasks) -> None:
    service.stop(f"{REGISTRY}/runs/ca99")


@pytest.mark.parametrize("execution", ["", "ca1", f"{REGISTRY}other/runs/ca1", f"{REGISTRY}/runs/../ca1", TASK])
def test_another_registrys_run_is_not_known(execution: str, service: AcrTasks, arm: ResourceManager) -> None:
    assert service.look(execution) is None and service.log(execution, "") is None
    service.stop(execution)
    assert not arm.asked


def test_a_token_that_is_refused_is_renewed(service: AcrTasks, entra: Entra) -> None:
    execution = start(service)
    entra.tokens.clear()
    given = entra.given
    assert service.look(execution) and entra.given == given + 1


def test_a_logs_url_is_asked_for_once_and_again_when_its_signature_has_ended(
    service: AcrTasks, acr_tasks: AcrTasksServer
) -> None:
    execution = start(service)
    run = acr_tasks.of(ID)
    assert service.log(execution, "") is None
    run.log = f"{BEGIN}\none\n".encode()
    first = service.log(execution, "")
    assert first and first.lines == ("one",) and len(acr_tasks.urls) == 1
    acr_tasks.only_newest, run.signature = True, 2
    run.log += b"two\n"
    second = service.log(execution, first.cursor)
    assert second and second.lines == ("two",) and len(acr_tasks.urls) == 2


def test_no_error_has_the_logs_signature(
    service: AcrTasks, acr_tasks: AcrTasksServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = start(service)
    monkeypatch.setattr(acr_tasks.blobs, "url", "https://127.0.0.1:1")
    error = refused(lambda: service.log(execution, ""))
    assert len(acr_tasks.urls) == 1
    assert error.code == "DATAPLANE_UNAVAILABLE" and "SIGNATURE" not in error.detail and "sig=" not in error.detail


def test_fifty_equal_requests_are_one_run(arm: ResourceManager, acr_tasks: AcrTasksServer) -> None:
    bucket, clock = MemoryBucket(), ManualClock(time.time())
    rest = AzureRest(sleep=lambda _: None)

    def function() -> ServiceJobRunner:
        settings = Settings(limits=Limits(queued_builds=100))
        return ServiceJobRunner(bucket, AcrTasks(rest, stored_task(TASK)), clock, settings)

    functions = [function() for _ in range(5)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: functions[n % 5].ensure(job(), tag(), force=False), range(50)))
    assert {each.build.id for each in answers} == {f"{tag()}-1"}
    assert [each.joined for each in answers].count(False) == 1 and arm.count("scheduleRun") == 1
