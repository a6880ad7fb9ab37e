"""Every module and example is valid by itself. test_apply.py applies the other two examples."""

from pathlib import Path

import pytest

from tests.terraform.conftest import initialised
from tests.terraform.offline.cli import Terraform

pytestmark = pytest.mark.integration


def test_the_aws_module(module: Terraform) -> None:
    assert "valid" in module("validate", "-no-color")


@pytest.mark.parametrize("name", ["kubernetes", "settings"])
def test_the_modules_that_clouds_share(tmp_path: Path, configuration: Path, name: str) -> None:
    terraform = initialised(Terraform(tmp_path / "terraform", f"modules/{name}", configuration))
    assert "valid" in terraform("validate", "-no-color")
