"""The style of the configuration: format, names and descriptions."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.terraform.offline.cli import INFRA
from tests.terraform.offline.mirror import Providers

FILES = sorted(INFRA.rglob("*.tf"))


def test_it_is_formatted(configuration: Providers) -> None:
    ran = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", "-recursive", INFRA], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_every_variable_and_output_is_described(path: Path) -> None:
    for kind, name, body in re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', path.read_text(), re.M | re.S):
        assert re.search(r"^  description\s*= ", body, re.M), f"{kind} {name}"


def test_variables_and_outputs_are_in_order() -> None:
    for path in FILES:
        for kind in ("variable", "output"):
            names = re.findall(rf'^{kind} "(\w+)"', path.read_text(), re.M)
            assert names == sorted(names), path
