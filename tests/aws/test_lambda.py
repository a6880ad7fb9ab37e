"""The bundle in Lambda's own runtime, with AWS on loopback."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from connectrpc.code import Code
from connectrpc.codec import proto_json_codec
from connectrpc.errors import ConnectError
from flyteidl2.common import identifier_pb2  # type: ignore[import-untyped]
from flyteidl2.imagebuilder import definition_pb2, payload_pb2  # type: ignore[import-untyped]
from flyteidl2.imagebuilder.service_connect import ImageServiceClientSync  # type: ignore[import-untyped]

from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.cold_start import compare
from tests.aws.emulator import Function, running
from tests.aws.function_url import function_url_of
from tests.aws.images import HOST, Ecr
from tests.aws.payloads import function_url, object_created, sqs
from tests.aws.site import order, variables

Start = Callable[[str], AbstractContextManager[Function]]


@pytest.fixture
def start(cloud: Cloud, bucket: str, ecr: Ecr, task: Path, lambda_runtime: Path, tmp_path: Path) -> Start:
    ecr.repository("images")
    environment = {**cloud.environment(), **variables(bucket, BOATYARD_TRACING="true", AWS_XRAY_SDK_ENABLED="false")}
    return lambda handler: running(task, lambda_runtime, handler, environment, tmp_path / "log")


@pytest.fixture
def http(start: Start) -> Iterator[Function]:
    with start("boatyard_aws.handler.http") as function:
        yield function


def test_a_cached_answer_a_build_and_what_is_malformed(http: Function, ecr: Ecr, cloud: Cloud) -> None:
    codebuild = CodeBuild(cloud)
    planned = http.invoke(function_url("POST", "/v1/plans", order()))
    target = json.loads(planned["body"])["target"]

    started = http.invoke(function_url("POST", "/v1/builds", order(), encoded=True))
    build = json.loads(started["body"])
    assert started["statusCode"] == 202 and started["headers"]["location"] == f"/v1/builds/{build['id']}"
    joined = http.invoke(function_url("POST", "/v1/builds", order()))
    assert json.loads(joined["body"])["joined"] and len(codebuild.builds) == 1
    shown = http.invoke(function_url("GET", f"/v1/builds/{build['id']}"))
    assert json.loads(shown["body"]).get("state") == "QUEUED", http.log.read_text()

    digest = ecr.push("images", target.rpartition(":")[2], "linux/amd64", key=build["key"])
    cached = http.invoke(function_url("POST", "/v1/builds", order()))
    answer = json.loads(cached["body"])
    assert cached["statusCode"] == 200 and answer["cached"] and answer["image"].endswith(digest)

    for event, status in (([], 400), ({}, 400), (None, 400), (function_url("GET", "/x"), 404)):
        told = http.invoke(event)
        assert told["statusCode"] == status and json.loads(told["body"])["code"]
    assert http.invoke(function_url("GET", "/healthz"))["statusCode"] == 200, "it is still there"
    assert '"cold_start":true' in http.log.read_text() and '"Namespace":"Boatyard"' in http.log.read_text()


@pytest.mark.parametrize("json", [False, True])
def test_the_stock_flyte_client_asks_for_an_image(http: Function, ecr: Ecr, json: bool) -> None:
    """Uses flyteidl2's client with its messages and its default compression."""
    digest = ecr.push("images", "app-v1", "linux/amd64")
    project = identifier_pb2.ProjectIdentifier(name="ml", domain="dev")
    codec = proto_json_codec() if json else None
    with function_url_of(http.invoke) as url, ImageServiceClientSync(url, codec=codec) as client:
        ask = payload_pb2.GetImageRequest(id=definition_pb2.ImageIdentifier(name="app:v1"), project_id=project)
        image = client.get_image(ask).image
        assert image.id.name == "app:v1" and image.fqin.endswith(f"/images@{digest}")
        with pytest.raises(ConnectError) as missing:
            client.get_image(payload_pb2.GetImageRequest(id=definition_pb2.ImageIdentifier(name="app:v2")))
        assert missing.value.code is Code.NOT_FOUND
        with pytest.raises(ConnectError) as wrong:
            client.get_image(payload_pb2.GetImageRequest(id=definition_pb2.ImageIdentifier(name="no tag")))
        assert wrong.value.code is Code.INVALID_ARGUMENT


def test_a_payload_that_is_not_json_does_not_end_the_function(http: Function) -> None:
    assert "errorMessage" in http.invoke_raw(b"{not json")
    assert http.invoke(function_url("GET", "/healthz"))["statusCode"] == 200


def test_a_cold_start_can_be_measured_beside_a_bare_handlers(bundle: Path) -> None:
    """`make bench` reports the times. Here both only have to answer, each in a new process."""
    starts = compare(1, bundle, sdk_is_compiled=False)
    for start in (*starts.bare, *starts.ours):
        assert 0 < start.init < start.first and start.warm > 0 and start.cpu > 0
    assert starts.ratio("first") > 0


def test_a_batch_of_messages(start: Start, cloud: Cloud) -> None:
    codebuild = CodeBuild(cloud)
    event = sqs("poison", *[json.dumps(order())] * 10)
    with start("boatyard_aws.handler.events") as function:
        assert function.invoke(event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
        assert function.invoke(object_created("other", "specs/a/b/c.json"))["ignored"]
        codebuild.limit = 0
        again = sqs(json.dumps(order()), json.dumps(order(target={"name": "other"})))
        answer = function.invoke(again)
        assert answer == {"batchItemFailures": [{"itemIdentifier": again["Records"][1]["messageId"]}]}, "room for none"
    assert len(codebuild.builds) == 1


TRACED = """
import json, sys
from boatyard_aws.handler import http
from types import SimpleNamespace
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r")
print(http(json.loads(sys.argv[1]), context)["statusCode"])
"""


def test_with_tracing_what_aws_is_asked_is_in_the_trace(
    cloud: Cloud, bucket: str, ecr: Ecr, task: Path, lambda_runtime: Path
) -> None:
    """The emulator provides no trace, so the test calls the bundle as Lambda's runtime does."""
    ecr.repository("images")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        environment = {
            **cloud.environment(),
            **variables(bucket, BOATYARD_TRACING="true"),
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": str(task),
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "PYTHONPATH": f"{task}:{lambda_runtime}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        event = json.dumps(function_url("GET", f"/v1/images/{HOST}/images:x"))
        command = [sys.executable, "-S", "-c", TRACED, event]
        done = subprocess.run(command, env=environment, cwd=task, capture_output=True, text=True, check=False)
        assert "404" in done.stdout.splitlines(), done.stdout + done.stderr
        received = []
        while not any("DescribeImages" in each for each in received):
            received.append(daemon.recv(65_000).decode())
