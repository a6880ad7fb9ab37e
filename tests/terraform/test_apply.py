"""The results of an apply, read from the account instead of Terraform."""

import base64
import hashlib
import json
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from boatyard.settings import Settings
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.build_service import BUILDSPEC
from boatyard_aws.clients import Clients
from boatyard_aws.configuration import Configuration, configure
from boatyard_kubernetes.buildkitd import CONFIGURATION
from boatyard_kubernetes.manifests import all_objects, documents
from tests.terraform.deployment import Deployment
from tests.terraform.objects import as_the_provider_can, by_name, objects

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("fixture", ["complete", "no_cluster", "existing_cluster"])
def test_the_functions_are_the_bundle_and_understand_their_environment(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    deployment: Deployment = request.getfixturevalue(fixture)
    digest = base64.b64encode(hashlib.sha256(deployment.bundle.read_bytes()).digest()).decode()
    facts = json.loads(deployment.bundle.with_suffix(".json").read_text())
    for function in ("http", "events"):
        client = deployment.account.client("lambda")
        found = client.get_function_configuration(FunctionName=f"boatyard-{function}")
        assert found["CodeSha256"] == digest
        assert found["Handler"] == f"boatyard_aws.handler.{function}"
        assert (found["Runtime"], found["Architectures"]) == (facts["runtime"], [facts["architecture"]])
    assert _configured(deployment).bucket in deployment.account.everything()["buckets"][0]["Name"]


def test_the_url_wants_a_signature(no_cluster: Deployment) -> None:
    found = no_cluster.account.client("lambda").get_function_url_config(FunctionName="boatyard-http")
    assert found["AuthType"] == "AWS_IAM"
    assert found["FunctionUrl"] == no_cluster.terraform.outputs()["url"]


def test_a_message_that_fails_comes_back_alone_and_is_put_aside_in_the_end(no_cluster: Deployment) -> None:
    (mapping,) = no_cluster.account.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["FunctionArn"].endswith(":boatyard-events")
    queue = _queue(no_cluster, "boatyard-events")
    assert json.loads(queue["RedrivePolicy"])["deadLetterTargetArn"].endswith(":boatyard-dead-letters")
    assert _configured(no_cluster, "events").dead_letters.endswith("/boatyard-dead-letters")


def test_a_dropped_spec_comes_to_the_queue(no_cluster: Deployment) -> None:
    """Bucket -> EventBridge's rule -> queue. Objects outside of specs/ are ignored."""
    s3, sqs = no_cluster.account.client("s3"), no_cluster.account.client("sqs")
    bucket = _configured(no_cluster).bucket
    for key in ("specs/flytesnacks/development/app.json", "contexts/1.tar.gz"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    url = sqs.get_queue_url(QueueName="boatyard-events")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    assert [json.loads(m["Body"])["detail"]["object"]["key"] for m in messages] == [
        "specs/flytesnacks/development/app.json"
    ]
    for key in ("specs/flytesnacks/development/app.json", "contexts/1.tar.gz"):
        s3.delete_object(Bucket=bucket, Key=key)
    sqs.purge_queue(QueueUrl=url)


def test_the_bucket_is_private_encrypted_and_cleans_up(no_cluster: Deployment) -> None:
    s3, bucket = no_cluster.account.client("s3"), _configured(no_cluster).bucket
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    days = {rule["Filter"].get("Prefix"): rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule}
    assert days["contexts/"] == 30
    assert "specs/" not in days and "bases/" not in days


def test_repositories_are_scanned_and_images_never_change(no_cluster: Deployment) -> None:
    found = no_cluster.account.client("ecr").describe_repositories()["repositories"]
    assert {r["repositoryName"]: r["imageTagMutability"] for r in found} == {
        "boatyard": "IMMUTABLE",
        "boatyard-cache": "MUTABLE",
    }
    assert all(repository["imageScanningConfiguration"]["scanOnPush"] for repository in found)


def test_codebuild_runs_what_the_function_says(no_cluster: Deployment) -> None:
    (project,) = no_cluster.account.client("codebuild").batch_get_projects(names=["boatyard-builder"])["projects"]
    assert project["environment"]["privilegedMode"]
    text = project["source"]["buildspec"]
    assert "".join(line for line in text.splitlines(True) if not line.startswith("#")) == BUILDSPEC


def test_what_runs_inside_a_build_is_there_and_the_build_reads_that_alone(no_cluster: Deployment) -> None:
    """No setting names it: it is in the folder of the functions' bundle."""
    bucket, key = _configured(no_cluster).bucket, "code/builder.zip"
    stored = no_cluster.account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert stored == no_cluster.bundle.with_name("aws-builder.zip").read_bytes()
    (project,) = no_cluster.account.client("codebuild").batch_get_projects(names=["boatyard-builder"])["projects"]
    assert (project["source"]["type"], project["source"]["location"]) == ("S3", f"{bucket}/{key}")
    (read,) = [s for s in no_cluster.policy("boatyard-builder-codebuild") if s["Sid"] == "ReadCode"]
    assert read["Resource"] == [f"arn:aws:s3:::{bucket}/{key}"]
    writers = [s for role in no_cluster.roles() for s in no_cluster.policy(role) if "s3:PutObject" in s["Action"]]
    assert not [r for s in writers for r in s["Resource"] if "/code" in r or r.endswith(f"{bucket}/*")]


def test_jobs_run_the_image_that_the_command_will_push(complete: Deployment) -> None:
    """The tag is the bundle's. The repository accepts it once, and no build may push to it."""
    facts = json.loads(complete.bundle.with_suffix(".json").read_text())
    outputs = complete.terraform.outputs()
    image = _configured(complete).settings.kubernetes.builder_image
    assert image == f"{outputs['builder_repository']}:{facts['builderTag']}"
    (found,) = complete.account.client("ecr").describe_repositories(repositoryNames=["boatyard-builder"])[
        "repositories"
    ]
    assert (found["repositoryUri"], found["imageTagMutability"]) == (outputs["builder_repository"], "IMMUTABLE")
    statements = [s for role in complete.roles() for s in complete.policy(role)]
    assert not [r for s in statements for r in s["Resource"] if r.endswith(":repository/boatyard-builder")]


def test_the_cluster_gets_the_objects_that_kubectl_would_give_it(complete: Deployment) -> None:
    """Helper programs apply boatyard_kubernetes.manifests: both ways must create the same objects."""
    settings = _configured(complete).settings
    subject = {"kind": "Group", "name": "boatyard:boatyard:function"}
    wanted = by_name(documents(all_objects(settings, namespaces=settings.kubernetes.namespaces, subject=subject)))
    found = by_name(objects(complete.resources))
    more = {(kind, name) for kind, _, name in set(found) - set(wanted)}
    assert more == {
        ("ConfigMap", "build-image-config"),
        ("Secret", "boatyard-buildkit-client"),
        ("Secret", "buildkitd-server"),
    }
    name = ("StatefulSet", "boatyard-buildkit", "buildkitd")
    as_the_provider_can(wanted[name], found[name], CONFIGURATION)
    for name, document in wanted.items():
        assert found[name] == document, name


def test_the_config_map_is_the_functions_settings(complete: Deployment) -> None:
    settings = _configured(complete).settings
    found = by_name(objects(complete.resources))
    for namespace in settings.kubernetes.namespaces:
        data = found["ConfigMap", namespace, settings.target_config_map_name]["data"]
        assert msgspec.json.decode(data["settings.json"], type=Settings) == settings


def test_every_namespace_has_an_identity_of_its_own(complete: Deployment) -> None:
    url = f"{complete.account.url}/clusters/boatyard/pod-identity-associations"
    found = httpx.get(url, trust_env=False).json()["associations"]
    ours = {a["namespace"]: a["roleArn"].rpartition("/")[2] for a in found if a["namespace"] != "kube-system"}
    assert ours == {
        name: f"boatyard-builder-{name}"
        for name in ("flytesnacks-development", "flytesnacks-production", "flytesnacks-staging", "research-development")
    }


def test_a_second_apply_changes_nothing(no_cluster: Deployment) -> None:
    """Except for what moto forgets: a function's log group, a bucket's EventBridge, the spaces of a policy."""
    terraform = no_cluster.terraform
    terraform("plan", "-no-color", "-input=false", "-out=again.tfplan")
    changes = json.loads(terraform("show", "-json", "again.tfplan"))["resource_changes"]
    changed = set()
    for change in changes:
        if change["change"]["actions"] != ["no-op"]:
            before, after = change["change"]["before"], change["change"]["after"]
            changed |= {(change["type"], name) for name in after if _plain(before.get(name)) != _plain(after[name])}
    assert changed <= {("aws_lambda_function", "logging_config"), ("aws_s3_bucket_notification", "eventbridge")}


def _plain(value: Any) -> Any:
    """Decodes documents in strings."""
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _configured(deployment: Deployment, function: str = "http") -> Configuration:
    return configure(deployment.environment(function), partial(S3Bucket, Clients()))


def _queue(deployment: Deployment, name: str) -> dict[str, Any]:
    sqs = deployment.account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes: dict[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes
