"""Every module and example is valid by itself. test_apply.py applies the other two examples."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.terraform.conftest import initialised
from tests.terraform.offline.cli import Terraform
from tests.terraform.offline.mirror import Providers

pytestmark = pytest.mark.integration


def test_the_aws_module(module: Terraform) -> None:
    assert "valid" in module("validate", "-no-color")


def test_the_module_for_google_cloud(google_module: Terraform) -> None:
    assert "valid" in google_module("validate", "-no-color")


@pytest.mark.parametrize("name", ["no-cluster", "existing-cluster", "complete"])
def test_the_examples_for_google_cloud(tmp_path: Path, configuration: Providers, name: str) -> None:
    """Planned whole: what `for_each` cannot know before an apply is found only so."""
    terraform = initialised(Terraform(tmp_path / "terraform", f"gcp/examples/{name}", configuration))
    bundle = tmp_path / "gcp.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("boatyard_gcp/handler.py", "")
    (tmp_path / "gcp.json").write_text('{"runtime": "python3.13", "builderTag": "1"}')
    variables = {"bundle": str(bundle), "project": "acme"}
    if name == "existing-cluster":
        variables |= {"cluster_name": "runs", "cluster_location": "europe-west1", "node_account": "n@acme.test"}
    (terraform.folder / "t.auto.tfvars.json").write_text(json.dumps(variables))
    terraform.apply()
    made = terraform.resources()
    assert 'module.boatyard.google_cloudfunctions2_function.function["http"]' in made
    assert any(".kubernetes_role_binding_v1." in address for address in made) is (name != "no-cluster")


@pytest.mark.parametrize("name", ["kubernetes", "settings"])
def test_the_modules_that_clouds_share(tmp_path: Path, configuration: Providers, name: str) -> None:
    terraform = initialised(Terraform(tmp_path / "terraform", f"modules/{name}", configuration))
    assert "valid" in terraform("validate", "-no-color")
