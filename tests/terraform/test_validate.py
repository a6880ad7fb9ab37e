"""Every module and example is valid on its own. test_apply.py applies the other two examples."""

import json
import re
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.terraform.conftest import initialised
from tests.terraform.offline.cli import Terraform
from tests.terraform.offline.mirror import Providers
from tests.terraform.planned import planned

pytestmark = pytest.mark.integration
CASES: Final = Path(__file__).parent
ON_A_CLUSTER: Final = ("existing-cluster", "complete")


def test_the_aws_module(module: Terraform) -> None:
    assert "valid" in module("validate", "-no-color")


def test_the_smallest_example_for_aws(tmp_path: Path, configuration: Providers) -> None:
    terraform = initialised(Terraform(tmp_path / "terraform", "aws/examples/no-dataplane", configuration))
    bundle = _archives(tmp_path, "aws")
    (terraform.folder / "t.auto.tfvars.json").write_text(json.dumps({"bundle": str(bundle)}))
    mocks = (CASES / "aws/mocks.tfmock.hcl").read_text()
    others = 'mock_provider "kubernetes" {}\nmock_provider "tls" {}\nrun "all" {\n  command = plan\n}\n'
    made = planned(terraform, f'mock_provider "aws" {{\n{mocks}\n}}\n{others}').resources
    assert not any(re.search(r"codebuild|eks|kubernetes", address) for address in made)
    assert made['module.boatyard.aws_lambda_function.function["events"]']["timeout"] == 900


def test_the_module_for_google_cloud(google_module: Terraform) -> None:
    assert "valid" in google_module("validate", "-no-color")


@pytest.mark.parametrize("name", ["no-cluster", "no-dataplane", "existing-cluster", "complete"])
def test_the_examples_for_google_cloud(tmp_path: Path, configuration: Providers, name: str) -> None:
    """Complete plans: only they find a `for_each` that is unknown before an apply."""
    terraform = initialised(Terraform(tmp_path / "terraform", f"gcp/examples/{name}", configuration))
    bundle = _archives(tmp_path, "gcp")
    (tmp_path / "gcp.json").write_text('{"runtime": "python3.13", "builderTag": "1"}')
    variables = {"bundle": str(bundle), "project": "acme"}
    if name == "existing-cluster":
        variables |= {"cluster_name": "runs", "cluster_location": "europe-west1", "node_account": "n@acme.test"}
    (terraform.folder / "t.auto.tfvars.json").write_text(json.dumps(variables))
    terraform.apply()
    made = terraform.resources()
    assert 'module.boatyard.google_cloudfunctions2_function.function["http"]' in made
    assert any(".kubernetes_role_binding_v1." in address for address in made) is (name in ON_A_CLUSTER)


def test_the_module_for_azure(azure_module: Terraform) -> None:
    assert "valid" in azure_module("validate", "-no-color")


AKS: Final = """
mock_provider "azurerm" {
  mock_data "azurerm_kubernetes_cluster" {
    defaults = {
      id               = "%(group)s/providers/Microsoft.ContainerService/managedClusters/runs"
      kube_config      = [{ host = "https://runs.test", cluster_ca_certificate = "" }]
      kubelet_identity = [{ object_id = "nodes" }]
    }
  }
}
mock_provider "kubernetes" {}
mock_provider "tls" {}
run "all" {
  command = plan
}
"""
GROUP: Final = "/subscriptions/s/resourceGroups/builds"


@pytest.mark.parametrize("name", ["no-cluster", "no-dataplane", "existing-cluster", "complete"])
def test_the_examples_for_azure(tmp_path: Path, configuration: Providers, name: str) -> None:
    """Complete plans: only they find a `for_each` that is unknown before an apply."""
    terraform = initialised(Terraform(tmp_path / "terraform", f"azure/examples/{name}", configuration))
    bundle = _archives(tmp_path, "azure")
    (tmp_path / "azure.json").write_text('{"runtime": "python3.13", "builderTag": "1"}')
    variables: dict[str, object] = {"bundle": str(bundle), "subscription_id": "s", "application_client_id": "c"}
    if name == "complete":
        registries = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries"
        variables |= {"golden_registry": f"{registries}/golden", "shared_registry": f"{registries}/team"}
        variables["admin_groups"] = ["g"]
    else:
        variables["resource_group"] = "builds"
    if name == "existing-cluster":
        variables |= {"cluster_name": "runs", "cluster_resource_group": "aks"}
    (terraform.folder / "t.auto.tfvars.json").write_text(json.dumps(variables))
    made = planned(terraform, AKS % {"group": GROUP}).resources
    assert "module.boatyard.azurerm_function_app_flex_consumption.function" in made
    assert any(".kubernetes_role_binding_v1." in address for address in made) is (name in ON_A_CLUSTER)


@pytest.mark.parametrize("name", ["kubernetes", "settings"])
def test_the_modules_that_clouds_share(tmp_path: Path, configuration: Providers, name: str) -> None:
    terraform = initialised(Terraform(tmp_path / "terraform", f"modules/{name}", configuration))
    assert "valid" in terraform("validate", "-no-color")


def _archives(folder: Path, cloud: str) -> Path:
    for name in (cloud, f"{cloud}-inline"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(f"boatyard_{cloud}/handler.py", "")
    return folder / f"{cloud}.zip"
