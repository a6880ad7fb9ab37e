"""An example that is applied to a loopback account."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.terraform.cluster import CLUSTER, ClusterOnLoopback
from tests.terraform.offline.account import Account
from tests.terraform.offline.cli import Terraform
from tests.terraform.offline.mirror import Providers

# The examples name no endpoint: this is merged over their provider.
OVERRIDE: Final = """
provider "aws" {
  region                  = var.region
  s3_use_path_style       = true
  skip_metadata_api_check = true
}
"""


@dataclass(frozen=True)
class Example:
    root: str
    before: "Callable[[Deployment], dict[str, Any]] | None" = None
    """What has to be there before, and the variables that name it."""


@dataclass
class Deployment:
    example: Example
    account: Account
    folder: Path
    configuration: Providers
    bundle: Path
    cluster: ClusterOnLoopback | None = None
    terraform: Terraform = field(init=False)

    def __post_init__(self) -> None:
        self.terraform = Terraform(
            self.folder / "terraform", self.example.root, self.configuration, self.account.environment
        )

    def apply(self) -> "Deployment":
        variables = {"bundle": str(self.bundle), **(self.example.before(self) if self.example.before else {})}
        (self.terraform.folder / "loopback_override.tf").write_text(OVERRIDE)
        (self.terraform.folder / "loopback.auto.tfvars.json").write_text(json.dumps(variables))
        self.terraform.apply()
        self.resources = self.terraform.resources()
        return self

    def environment(self, function: str) -> dict[str, str]:
        """The environment of a function, read from the account."""
        found = self.account.client("lambda").get_function_configuration(FunctionName=f"boatyard-{function}")
        variables: dict[str, str] = found["Environment"]["Variables"]
        return variables

    def policy(self, role: str) -> list[dict[str, Any]]:
        """The statements of a role, read from the account."""
        found = self.account.client("iam").get_role_policy(RoleName=role, PolicyName="boatyard")
        statements: list[dict[str, Any]] = found["PolicyDocument"]["Statement"]
        return statements

    def roles(self) -> list[str]:
        return sorted(
            values["role"] for address, values in self.resources.items() if ".aws_iam_role_policy." in f".{address}"
        )

    def close(self) -> None:
        if self.cluster:
            self.cluster.close()


def _existing_cluster(deployment: Deployment) -> dict[str, Any]:
    cluster = deployment.cluster = ClusterOnLoopback(deployment.account, deployment.folder)
    return {"cluster_name": CLUSTER, "image_builder": cluster.image_builder()}


EXAMPLES: Final = {
    "complete": Example("aws/examples/complete"),
    "no-cluster": Example("aws/examples/no-cluster"),
    "existing-cluster": Example("aws/examples/existing-cluster", _existing_cluster),
}
