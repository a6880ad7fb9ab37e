"""Every finding of the scanner is fixed, or answered with a reason beside the resource."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.terraform.offline.cli import INFRA
from tests.terraform.offline.environment import environment

SKIP = re.compile(r"#\s*checkov:skip=(\w+)(?::(.*))?")
SHORTEST = 20
"""Characters of a reason."""
CALLED = ("aws/examples/complete", "aws/examples/no-dataplane", "azure/examples/complete", "gcp/examples/complete")
"""The scanner reads a module again for each call of it. What it finds in these calls, and in the modules themselves, is
all that it finds in the calls of every example. So the other examples are scanned without their calls."""
CALL = re.compile(r'^module "[^"]+" \{\n.*?^\}\n', re.M | re.S)


def test_every_skip_has_a_reason() -> None:
    for path in INFRA.rglob("*.tf"):
        for check, reason in SKIP.findall(path.read_text()):
            assert len(reason.strip()) >= SHORTEST, (path, check)


@pytest.mark.integration
def test_no_check_fails(tmp_path: Path) -> None:
    """On a copy: the scanner resolves modules in place."""
    tree = tmp_path / "terraform"
    shutil.copytree(INFRA, tree, ignore=shutil.ignore_patterns(".terraform*"))
    for example in tree.glob("*/examples/*"):
        if str(example.relative_to(tree)) not in CALLED:
            main = example / "main.tf"
            text, calls = CALL.subn("", main.read_text())
            assert calls == 1, main
            main.write_text(text)
    ran = subprocess.run(
        [
            *(environment("checkov.txt") / "checkov", "-d", tree, "--framework", "terraform"),
            *("--skip-download", "--compact", "--quiet", "--output", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    report = json.loads(ran.stdout)
    assert report["summary"]["passed"] > 200, "it looked at something"
    assert report["summary"]["parsing_errors"] == 0
    failed = {(f["check_id"], f["check_name"], f["resource"]) for f in report["results"]["failed_checks"]}
    assert failed == set()
