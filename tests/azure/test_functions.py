"""The platform's own worker library with the bundle, in a process of its own, over Azure on loopback."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from boatyard_azure.bucket import BlobBucket
from boatyard_azure.events import MOST_TRIES
from tests.azure.acr_tasks import AcrTasksServer
from tests.azure.azurite import ACCOUNT
from tests.azure.host import Host, Listener
from tests.azure.payloads import CALLER, blob_created, principal
from tests.azure.resource_manager import ResourceManager
from tests.azure.storage import Storage
from tests.azure.tls import Given
from tests.registry.server import FakeRegistry

MB = 1024 * 1024
SPEC_KEY = "specs/ml/dev/app.json"


@pytest.fixture
def spec(images: FakeRegistry) -> dict[str, Any]:
    images.add_image("base", "1")
    layers = [{"pipPackages": {"packages": ["six"]}}]
    return {"baseImage": f"{images.address}/base:1", "pythonVersion": "3.12", "layers": layers}


@pytest.fixture
def order(spec: dict[str, Any]) -> dict[str, Any]:
    return {"spec": spec, "project": "ml", "domain": "dev"}


@pytest.fixture
def start(
    run_host: Callable[[dict[str, str]], Host], deployment: dict[str, str], images: FakeRegistry
) -> Callable[..., Host]:
    """Images are in a registry on loopback: nothing moves Azure's own."""

    def make(**more: str) -> Host:
        registry = {
            "BOATYARD_DEFAULT_REPOSITORY": f"{images.address}/images",
            "BOATYARD_INSECURE_REGISTRIES": images.address,
        }
        return run_host({**deployment, **registry, **more})

    return make


@pytest.fixture
def host(start: Callable[..., Host], queues: dict[str, str], acr_tasks: AcrTasksServer) -> Host:
    return start(**queues, BOATYARD_DRIFT_SCHEDULE="0 30 4 * * *", BOATYARD_PIN_BASES="true")


def test_the_worker_indexes_each_function_for_its_settings(start: Callable[..., Host], host: Host) -> None:
    functions = host.worker.functions
    assert set(functions) == {"api", "message", "poison", "drift"}
    route, _ = functions["api"]["bindings"]
    assert route["route"] == "{*path}" and route["authLevel"] == "ANONYMOUS" and "methods" not in route
    (queue,) = functions["message"]["bindings"]
    assert (queue["queueName"], queue["connection"]) == ("%BOATYARD_QUEUE%", "BOATYARD_STORAGE")
    assert functions["poison"]["bindings"][0]["queueName"] == "%BOATYARD_QUEUE%-poison"
    assert functions["drift"]["bindings"][0]["schedule"] == "%BOATYARD_DRIFT_SCHEDULE%"
    assert functions["drift"]["retries"] == 3
    assert host._settings["extensions"]["queues"]["maxDequeueCount"] == MOST_TRIES
    assert set(start().worker.functions) == {"api"}


def test_a_request_becomes_a_build_and_what_is_hostile_becomes_an_answer(
    host: Host, order: dict[str, Any], acr_tasks: AcrTasksServer
) -> None:
    made = host.ask("POST", "/v1/builds", order)
    assert made.status == 202, (made, host.worker.log())
    again = host.ask("POST", "/v1/builds", order).document
    assert again["joined"] and again["id"] == made.document["id"] and len(acr_tasks.runs) == 1
    assert host.ask("GET", f"/v1/builds/{again['id']}").document["project"] == "ml"

    problem = host.ask("GET", "/v1/images/ghcr.io%2Facme%2Fx%3A1%2525")
    assert problem.status == 400 and "%25" in problem.document["detail"]
    assert host.ask("GET", "/v1/builds", query="pageSize=0").document["field"] == "pageSize"
    assert host.ask("TRACE", "/v1/builds").status == 405
    assert host.ask("POST", "/v1/plans", b"x" * (5 * MB)).status == 413
    assert host.ask("POST", "/v1/plans", b"\xff\xfe").status == 400
    for headers in ({}, {"Authorization": "Bearer a.b.c"}, principal([]), {"X-MS-CLIENT-PRINCIPAL": "\x00%"}):
        assert host.ask("GET", "/v1/capabilities", headers=headers).status == 401
    assert host.ask("GET", "/healthz").status == 200, "and it goes on"
    lines = host.worker.lines()
    assert {line.get("caller") for line in lines if line["message"] == "answered"} == {CALLER, None}
    invocations = {record["invocation"] for record in host.worker.records() if record["logger"] == "boatyard.lines"}
    assert {line["invocation"] for line in lines} == invocations, "Application Insights finds both by one id"


def test_fifty_equal_requests_at_once_are_one_build(
    host: Host, order: dict[str, Any], acr_tasks: AcrTasksServer
) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: host.ask("POST", "/v1/builds", order), range(50)))
    assert {each.status for each in answers} == {202}, host.worker.log()
    assert len({each.document["id"] for each in answers}) == 1 == len(acr_tasks.runs)
    assert sum(not each.document["joined"] for each in answers) == 1


def test_ten_messages_in_each_form_are_one_build_and_poison_is_kept_with_its_reason(
    host: Host,
    order: dict[str, Any],
    bucket: BlobBucket,
    storage: Storage,
    acr_tasks: AcrTasksServer,
) -> None:
    bucket.put(SPEC_KEY, json.dumps({"spec": order["spec"]}).encode())
    dropped = json.dumps(blob_created(SPEC_KEY, account=ACCOUNT, container=bucket.container))
    events = Listener(host, storage.queues, "message")
    for body in (dropped, base64.b64encode(dropped.encode()).decode(), json.dumps(order)) * 3:
        events.queue.send_message(body)
    events.queue.send_message('{"spec": 5}')
    events.queue.send_message("no JSON & no base64")
    outcomes = events.run()
    assert [each.ok for each in outcomes] == [True] * 11, (outcomes, host.worker.log())
    assert len(acr_tasks.runs) == 1 and bucket.get("results/ml/dev/app.json") is not None
    letters = dead(storage)
    assert [letter["attributes"]["boatyard-code"] for letter in letters] == ["INVALID_SPEC"] * 2
    assert json.loads(letters[0]["body"]) == {"spec": 5} and letters[1]["body"] == "no JSON & no base64"


def test_what_a_repeat_can_help_comes_again_and_its_last_try_keeps_the_reason(
    host: Host, order: dict[str, Any], arm: ResourceManager, storage: Storage, acr_tasks: AcrTasksServer
) -> None:
    events = Listener(host, storage.queues, "message")
    events.queue.send_message(json.dumps(order))
    arm.fail("scheduleRun", Given(429, {"error": {"code": "TooManyRequests"}}), times=10**3)
    tries = [outcome for _ in range(MOST_TRIES) for outcome in events.run()]
    assert [each.ok for each in tries] == [False] * (MOST_TRIES - 1) + [True]
    (letter,) = dead(storage)
    assert letter["attributes"]["boatyard-code"] in ("TOO_MANY_BUILDS", "DATAPLANE_UNAVAILABLE")
    assert json.loads(letter["body"]) == order and not acr_tasks.runs


def test_a_message_that_ends_the_worker_each_time_is_kept_too(host: Host, storage: Storage) -> None:
    """The host moves it without a reason; the function for poison keeps it with one."""
    poison = Listener(host, storage.queues, "poison")
    poison.queue.send_message('{"spec": "ended the process"}')
    assert [each.ok for each in poison.run()] == [True], host.worker.log()
    (letter,) = dead(storage)
    assert letter["attributes"]["boatyard-code"] == "INTERNAL"
    assert f"{MOST_TRIES} tries" in letter["attributes"]["boatyard-detail"]


def test_the_daily_report_is_written(host: Host, bucket: BlobBucket) -> None:
    assert host.tick().ok, host.worker.log()
    assert bucket.get("drift/latest.json") is not None


def test_a_misconfigured_function_answers_little_and_logs_the_variable(start: Callable[..., Host]) -> None:
    host = start(BOATYARD_ACR_TASK="")
    asked = host.ask("GET", "/healthz")
    assert asked.status == 500 and "BOATYARD_ACR_TASK" not in json.dumps(asked.document)
    (line,) = host.worker.lines()
    assert line["severity"] == "ERROR" and "BOATYARD_ACR_TASK is needed" in line["detail"]


def dead(storage: Storage) -> list[dict[str, Any]]:
    found = storage.queues.get_queue_client("dead").receive_messages(max_messages=32)
    return [json.loads(base64.b64decode(message.content)) for message in found]
