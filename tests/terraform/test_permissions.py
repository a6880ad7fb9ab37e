"""The permissions of an apply, the policies of Union's Image Builder and docs/deploy-aws.md's table are the same."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.deployment import Deployment
from tests.terraform.offline.cli import ROOT

pytestmark = pytest.mark.integration

TABLE = ROOT / "docs" / "deploy-aws.md"
ASKED_FOR = {"ecr:CreateRepository"}
"""Given on request only (create_missing): not in the examples."""
WITHOUT_RESOURCE = {
    "secretsmanager:ListSecrets",
    "ecr:GetAuthorizationToken",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
}
REPOSITORIES = [f"arn:aws:ecr:eu-west-1:123456789012:repository/{name}" for name in ("boatyard", "boatyard-cache")]
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def test_every_action_is_in_the_table_and_nothing_else(complete: Deployment, no_cluster: Deployment) -> None:
    given = {action for deployment in (complete, no_cluster) for _, action in _given(deployment)}
    assert given | ASKED_FOR == set(re.findall(r"`(\w+:\w+)`", _rows()))


def test_nothing_is_given_on_everything_but_what_has_no_resource(complete: Deployment, no_cluster: Deployment) -> None:
    for deployment in (complete, no_cluster):
        assert {action for _, action in _given(deployment) if "*" in action} == set()
        for statement in _statements(deployment):
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= WITHOUT_RESOURCE, statement
            for resource in statement["Resource"]:
                # a folder of the bucket, a project's secrets, a log group's streams: named up to their last part
                assert resource == "*" or re.fullmatch(r"arn:aws:[^*]+(/\*|:\*)?", resource), statement


def test_the_function_may_do_what_unions_proxy_may(no_cluster: Deployment) -> None:
    statements = no_cluster.policy("boatyard-http")
    assert {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]} in _plain(statements)
    (find,) = [s for s in statements if "ecr:DescribeImages" in s["Action"]]
    assert find["Resource"] == REPOSITORIES
    ecr = {action for s in statements for action in s["Action"] if action.startswith("ecr:")}
    assert ecr == {
        *("ecr:GetAuthorizationToken", "ecr:DescribeImages"),
        # More than the proxy: to read an index and labels, to refuse a push early.
        *("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeRepositories"),
    }


def test_only_a_base_that_is_pushed_lets_the_function_write_to_its_own_queue(
    complete: Deployment, no_cluster: Deployment
) -> None:
    queue, dead = (f"arn:aws:sqs:eu-west-1:123456789012:boatyard-{name}" for name in ("events", "dead-letters"))
    for deployment, expected in ((complete, [dead, queue]), (no_cluster, [dead])):
        statements = deployment.policy("boatyard-events")
        assert [r for s in statements if "sqs:SendMessage" in s["Action"] for r in s["Resource"]] == expected
        assert deployment.environment("events")["BOATYARD_QUEUE"].endswith("/boatyard-events")
        assert "sqs:SendMessage" not in str(deployment.policy("boatyard-http"))


@pytest.mark.parametrize("fixture", ["complete", "no_cluster", "existing_cluster"])
def test_functions_read_the_deployments_key_and_no_other_secret(fixture: str, request: pytest.FixtureRequest) -> None:
    deployment: Deployment = request.getfixturevalue(fixture)
    for role in deployment.roles():
        readable = {
            r for s in deployment.policy(role) if "secretsmanager:GetSecretValue" in s["Action"] for r in s["Resource"]
        }
        if role in ("boatyard-http", "boatyard-events"):
            assert readable == {deployment.environment(role.removeprefix("boatyard-"))["BOATYARD_DEPLOYMENT_KEY"]}
        else:
            assert not any("deployment-key" in arn for arn in readable), "no job may compute another project's names"
            assert all(re.fullmatch(r"arn:aws:secretsmanager:[^*]*:secret:boatyard/[^*]+/\*", arn) for arn in readable)


def test_the_deployments_key_is_in_no_state(no_cluster: Deployment) -> None:
    state = no_cluster.terraform("state", "pull")
    assert "aws_secretsmanager_secret" in state and "aws_secretsmanager_secret_version" not in state


def test_a_builder_pulls_and_pushes_as_unions_user_role(complete: Deployment) -> None:
    statements = complete.policy("boatyard-builder-flytesnacks-development")
    assert {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]} in _plain(statements)
    golden = "arn:aws:ecr:eu-west-1:123456789012:repository/golden/python"
    assert {"Effect": "Allow", "Action": PULL, "Resource": [*REPOSITORIES, golden]} in _plain(statements)
    (push,) = [s for s in statements if "ecr:PutImage" in s["Action"]]
    assert push["Resource"] == REPOSITORIES


def test_the_policies_for_another_account_are_unions_word_for_word(complete: Deployment) -> None:
    outputs = complete.terraform.outputs()
    roles = [f"boatyard-builder-{n}-{d}" for n, d in _scopes(complete)]
    functions = ["boatyard-events", "boatyard-http"]
    for name in ("cross_account", "private_base"):
        wanted = (Path(__file__).parent / "aws" / f"{name}.json").read_text()
        wanted = wanted.replace("<BUILDERS>", _principals(roles)).replace("<FUNCTIONS>", _principals(functions))
        text = outputs[f"{name}_repository_policy_json"]
        assert text == wanted
        json.loads(text)


def _scopes(deployment: Deployment) -> list[tuple[str, ...]]:
    settings = json.loads(deployment.environment("http")["BOATYARD_SETTINGS"])
    return [tuple(scope.split("/")) for scope in settings["access"]["projects"]]


def _principals(roles: list[str]) -> str:
    return ",\n".join(f'          "arn:aws:iam::123456789012:role/{role}"' for role in sorted(roles))


def _rows() -> str:
    """The rows of the table on the page."""
    section = TABLE.read_text(encoding="utf-8").partition("## Every permission")[2].partition("\n## ")[0]
    return "\n".join(line for line in section.splitlines() if line.startswith("|"))


def _statements(deployment: Deployment) -> list[dict[str, Any]]:
    return [statement for role in deployment.roles() for statement in deployment.policy(role)]


def _given(deployment: Deployment) -> Iterator[tuple[str, str]]:
    for role in deployment.roles():
        for statement in deployment.policy(role):
            for action in statement["Action"]:
                yield role, action


def _plain(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in statement.items() if key != "Sid"} for statement in statements]
