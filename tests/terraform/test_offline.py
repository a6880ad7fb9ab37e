"""The provider stub accepts what the real provider accepts, and refuses an attribute in place of a block."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.terraform.conftest import initialised
from tests.terraform.objects import schema
from tests.terraform.offline.cli import Terraform, TerraformFailed
from tests.terraform.offline.mirror import Providers

pytestmark = pytest.mark.integration
CLUSTER: Final = """
terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50"
    }
  }
}

resource "google_container_cluster" "runs" {
  name     = "runs"
  location = "europe-west1"
  %s
}
"""
BLOCKS: Final = """
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }
  }
"""


@pytest.fixture
def root(tmp_path: Path, configuration: Providers) -> Terraform:
    terraform = Terraform(tmp_path / "terraform", "modules/google", configuration)
    terraform.folder.mkdir()
    return terraform


def _validate(root: Terraform, text: str) -> str:
    (root.folder / "main.tf").write_text(CLUSTER % text)
    return initialised(root)("validate", "-no-color")


def test_nested_blocks_of_a_google_cluster_are_valid_and_planned(root: Terraform) -> None:
    assert "valid" in _validate(root, BLOCKS)
    root.apply()
    (cluster,) = root.resources().values()
    (config,) = cluster["control_plane_endpoints_config"]
    (endpoint,) = config["dns_endpoint_config"]
    assert endpoint["allow_external_traffic"] is True and endpoint["endpoint"] == "stub-endpoint"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("control_plane_endpoints_config = { dns_endpoint_config = {} }", "control_plane_endpoints_config"),
        (BLOCKS * 2, "Too many control_plane_endpoints_config blocks"),
        (BLOCKS.replace("allow_external_traffic", "allow_traffic"), "Unsupported argument"),
        (BLOCKS.replace("= true", "= [1]"), "bool required"),
        ("database_encryption {}", "Missing required argument"),
    ],
    ids=["an attribute for a block", "two", "a wrong name", "a wrong type", "an argument is missing"],
)
def test_what_the_schema_does_not_have_is_refused(root: Terraform, text: str, said: str) -> None:
    with pytest.raises(TerraformFailed, match=said):
        _validate(root, text)


@pytest.mark.parametrize("provider", ["azurerm", "google", "kubernetes", "tls"])
def test_only_kubernetes_own_objects_are_of_any_type(provider: str) -> None:
    """A type that the extraction does not understand must not become one that accepts everything."""
    document = schema(provider)
    found = {
        f"{name}.{path}"
        for section in ("resources", "data")
        for name, block in document[section].items()
        for path in _of_any_type(block)
    }
    assert found == (ANY if provider == "kubernetes" else set())


ANY: Final = {
    "kubernetes_manifest.manifest",
    "kubernetes_manifest.object",
    "kubernetes_resource.object",
    "kubernetes_resources.objects",
}


def _of_any_type(block: dict[str, Any], prefix: str = "") -> set[str]:
    own = {prefix + name for name, attribute in block["a"].items() if _any_within(attribute.get("t"))}
    return own.union(*(_of_any_type(each["block"], f"{prefix}{name}.") for name, each in block["b"].items()))


def _any_within(kind: Any) -> bool:
    if isinstance(kind, dict):
        return any(map(_any_within, kind.values()))
    return kind == "dynamic" if isinstance(kind, str) else any(map(_any_within, kind or ()))
