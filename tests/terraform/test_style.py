"""The configuration as it is read: format, names, descriptions, and its variables against the settings."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from boatyard.settings import Settings
from tests.terraform.offline.cli import INFRA

FILES = sorted(INFRA.rglob("*.tf"))
NOT_ASKED = {
    "buildkit.docker",
    "buildkit.dockerHost",
    "buildkit.dockerConfig",
    "buildkit.builder",
    "buildkit.buildctl",
    "buildkit.tlsDirectory",  # of the job, which knows its own
    "uv.directory",
    "kubernetes.namespaces",  # made of the projects
    "kubernetes.createNamespaces",  # Terraform makes them
}
"""Settings that are no variable: they are a machine's own, or follow from others."""


def test_it_is_formatted(configuration: Path) -> None:
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


def test_the_image_builders_variables_are_the_settings() -> None:
    text = (INFRA / "aws" / "variables-image-builder.tf").read_text()
    assert set(_variables(text)) == set(_settings(Settings)) - NOT_ASKED


def _settings(section: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _settings(field.type, f"{field.encode_name}.")
        else:
            yield prefix + field.encode_name


def _variables(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        if found := re.match(r"    (\w+) = optional\(object\(\{$", line):
            section = f"{found[1]}."
        elif line.startswith("    })"):
            section = ""
        elif found := re.match(r"    (?:  )?(\w+)\s+= optional\(", line):
            yield section + found[1]
