"""Every module and example is valid on its own. The other two examples are applied, in test_apply.py."""

from pathlib import Path

import pytest

from tests.terraform.conftest import initialised
from tests.terraform.offline.cli import Terraform

pytestmark = pytest.mark.integration


def test_the_aws_module(module: Terraform) -> None:
    assert "valid" in module("validate", "-no-color")


def test_the_module_that_clouds_share(tmp_path: Path, configuration: Path) -> None:
    terraform = initialised(Terraform(tmp_path / "terraform", "modules/kubernetes", configuration))
    assert "valid" in terraform("validate", "-no-color")
