"""The deployed bundle in Lambda's own runtime emulator, with the environment and the role from Terraform."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.aws import emulator
from tests.aws.payloads import function_url
from tests.kubernetes.whole import BASE
from tests.registry.distribution import Distribution
from tests.terraform.cluster import engine_settings, engine_variables
from tests.terraform.deployment import Deployment
from tests.terraform.objects import objects

pytestmark = pytest.mark.integration

RUNS_IN_THE_LOOPBACK = {"ConfigMap", "Namespace", "Role", "RoleBinding", "ServiceAccount"}
"""What a build needs; the loopback knows no stateful sets."""
SCOPE = {"project": "flytesnacks", "domain": "development"}


@contextmanager
def running(
    deployment: Deployment, folder: Path, function: str = "http", variables: Mapping[str, str] | None = None
) -> Iterator[emulator.Function]:
    """Runs as the function's role, with credentials from STS."""
    role = f"arn:aws:iam::123456789012:role/boatyard-{function}"
    given = deployment.account.client("sts").assume_role(RoleArn=role, RoleSessionName="function")["Credentials"]
    credentials = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    folder.mkdir(exist_ok=True)
    task = emulator.unpack(deployment.bundle, folder / "task")
    environment = {
        **deployment.environment(function),
        **deployment.account.environment,
        **credentials,
        **(variables or {}),
    }
    site_packages = emulator.runtime(folder / "runtime")
    with emulator.running(
        task, site_packages, f"boatyard_aws.handler.{function}", environment, folder / "function.log"
    ) as made:
        yield made


def ask(function: emulator.Function, method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
    answer = function.invoke(function_url(method, path, body, query=query))
    assert "statusCode" in answer, (answer, function.log.read_text())
    return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None


def test_it_answers(no_cluster: Deployment, tmp_path: Path) -> None:
    with running(no_cluster, tmp_path) as function:
        assert ask(function, "GET", "/healthz")[0] == 200
        status, told = ask(function, "GET", "/v1/capabilities")
        assert (status, told["cloud"], told["runners"]) == (200, "aws", ["codebuild"])
        status, plan = ask(function, "POST", "/v1/plans", _order())
        assert status == 200, plan
        assert plan["target"].startswith("123456789012.dkr.ecr.eu-west-1.amazonaws.com/boatyard:app-")
        status, problem = ask(function, "POST", "/v1/plans", {**_order(), "project": "another"})
        assert (status, problem["code"]) == (403, "FORBIDDEN"), problem


def test_a_build_is_started_in_the_project_that_terraform_made(no_cluster: Deployment, tmp_path: Path) -> None:
    codebuild = no_cluster.account.client("codebuild")
    with running(no_cluster, tmp_path) as function:
        status, asked = ask(function, "POST", "/v1/builds", _order())
        assert status == 202, asked
        (started,) = codebuild.list_builds_for_project(projectName="boatyard-builder")["ids"]
        assert started.startswith("boatyard-builder:")
        # moto ends every build immediately, and nothing ran: the answer says so
        status, build = ask(function, "GET", f"/v1/builds/{asked['id']}")
        assert status == 200 and build["id"] == asked["id"]
    bucket = no_cluster.environment("http")["BOATYARD_BUCKET"]
    s3 = no_cluster.account.client("s3")
    folders = {found["Key"].split("/")[0] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert folders - {"code"} <= {"jobs", "builds", "open"}, "permissions name the folders that are written to"
    _empty(no_cluster, bucket)


def test_a_dropped_spec_is_built(no_cluster: Deployment, tmp_path: Path) -> None:
    bucket, key = no_cluster.environment("events")["BOATYARD_BUCKET"], "specs/flytesnacks/development/app.json"
    s3, sqs = no_cluster.account.client("s3"), no_cluster.account.client("sqs")
    url = sqs.get_queue_url(QueueName="boatyard-events")["QueueUrl"]
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({name: _order()[name] for name in ("spec", "target")}))
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:boatyard-events",
        "awsRegion": "eu-west-1",
    }
    with running(no_cluster, tmp_path, "events") as function:
        assert function.invoke({"Records": [record]}) == {"batchItemFailures": []}, function.log.read_text()
    result = json.loads(s3.get_object(Bucket=bucket, Key="results/flytesnacks/development/app.json")["Body"].read())
    assert result["id"], result
    _empty(no_cluster, bucket)


def test_the_whole_way(existing_cluster: Deployment, tmp_path: Path) -> None:
    """Signed request's event -> function -> EKS as the role's access entry -> Role -> Job -> BuildKit -> registry."""
    cluster = existing_cluster.cluster
    assert cluster is not None
    made = [o for o in objects(existing_cluster.resources) if o["kind"] in RUNS_IN_THE_LOOPBACK]
    cluster.loopback.apply(*sorted(made, key=lambda made: made["kind"] != "Namespace"))
    # ECR answers the function's role; the engine's own registry answers nobody who does not sign in.
    registry = Distribution(tmp_path)
    answering = {
        "BOATYARD_DEFAULT_REPOSITORY": f"{registry.address}/images",
        "BOATYARD_INSECURE_REGISTRIES": ",".join((*engine_settings().insecure_registries, registry.address)),
    }
    with (
        closing(registry),
        running(existing_cluster, tmp_path, variables=engine_variables() | answering) as function,
    ):
        order = _order()
        status, asked = ask(function, "POST", "/v1/builds", order)
        assert status == 202, asked
        build = _end(function, asked["id"])
        assert build["state"] == "SUCCEEDED", (build, ask(function, "GET", f"/v1/builds/{asked['id']}/logs"))
        status, again = ask(function, "POST", "/v1/builds", order)
        assert (status, again["cached"], again["image"]) == (200, True, build["image"])
    (pod,) = [p for p in cluster.loopback.objects("Pod")]
    assert pod["metadata"]["namespace"] == "flytesnacks-development"
    assert pod["spec"]["serviceAccountName"] == "boatyard-builder"


def _order() -> dict[str, Any]:
    """An order for an image that did not exist before."""
    unique = {"commands": {"cmd": [f"echo {time.time_ns()}"]}}
    spec = {"baseImage": BASE, "pythonVersion": "3.11", "layers": [unique]}
    return {"spec": spec, "target": {"name": "app"}, **SCOPE}


def _end(function: emulator.Function, build_id: str, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, build = ask(function, "GET", f"/v1/builds/{build_id}", query="wait=5")
        assert status == 200, build
        if build["state"] not in ("PENDING", "QUEUED", "RUNNING"):
            return build
    raise AssertionError(f"{build_id} did not end: {build}")


def _empty(deployment: Deployment, bucket: str) -> None:
    """Empties the bucket except for Terraform's own object."""
    s3 = deployment.account.client("s3")
    for found in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        if not found["Key"].startswith("code/"):
            s3.delete_object(Bucket=bucket, Key=found["Key"])
