"""`terraform test`: the plans for each way to deploy, and refusals. tests/terraform/aws has the cases."""

import json
import shutil
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.terraform.deployment import Deployment
from tests.terraform.offline.cli import Terraform

pytestmark = pytest.mark.integration
CASES = Path(__file__).parent / "aws"


def test_expected_plans(module: Terraform, deployments: dict[str, "Future[Deployment]"]) -> None:
    """`deployments` is not needed: it waits for its accounts while this computes."""
    folder = module.folder / "tests"
    (folder / "mocks").mkdir(parents=True)
    shutil.copy(CASES / "mocks.tfmock.hcl", folder / "mocks")
    for name in ("bundle.zip", "bundle-builder.zip", "own.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("boatyard_aws/handler.py", "")
    facts = {"runtime": "python3.11", "architecture": "x86_64", "builderTag": "1.2.3-0123456789ab"}
    (folder / "bundle.json").write_text(json.dumps(facts))
    cases = sorted(CASES.glob("*.tftest.hcl"))
    for case in cases:
        shutil.copy(case, folder)

    def run(case: Path) -> str:
        return module("test", "-no-color", f"-filter=tests/{case.name}", seconds=400)

    with ThreadPoolExecutor() as pool:
        for case, said in zip(cases, pool.map(run, cases), strict=True):
            assert "Success!" in said, case.name
