"""`terraform test`: the plans for each way to deploy, and refusals. tests/terraform/<cloud> has the cases."""

import json
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from boatyard_aws import configuration as aws
from boatyard_azure import configuration as azure
from boatyard_gcp import configuration as gcp
from boatyard_serverless.configuration import FunctionConfiguration
from tests.terraform.deployment import Deployment
from tests.terraform.offline.cli import Terraform

pytestmark = pytest.mark.integration
HERE = Path(__file__).parent
INLINE: Final = "inline.tftest.hcl"
CONFIGURE: Final[dict[str, Callable[..., FunctionConfiguration]]] = {
    "aws": aws.configure,
    "gcp": gcp.configure,
    "azure": azure.configure,
}
BUILD_SERVICES: Final = {"aws": "codebuild", "gcp": "cloudbuild", "azure": "acrtasks"}
FACTS = {"runtime": "python3.11", "architecture": "x86_64", "builderTag": "1.2.3-0123456789ab"}


def test_expected_plans(module: Terraform, deployments: dict[str, "Future[Deployment]"]) -> None:
    """`deployments` is not needed: it waits for its accounts while this computes."""
    _run(module, "aws", FACTS)


def test_expected_plans_for_google_cloud(google_module: Terraform) -> None:
    _run(google_module, "gcp", {name: fact for name, fact in FACTS.items() if name != "architecture"})


def test_expected_plans_for_azure(azure_module: Terraform) -> None:
    facts = {name: fact for name, fact in FACTS.items() if name != "architecture"}
    _run(azure_module, "azure", facts | {"runtime": "python3.13"})


def _run(module: Terraform, cloud: str, facts: dict[str, Any]) -> None:
    folder = module.folder / "tests"
    (folder / "mocks").mkdir(parents=True)
    shutil.copy(HERE / cloud / "mocks.tfmock.hcl", folder / "mocks")
    for name in ("bundle.zip", "bundle-builder.zip", "bundle-inline.zip", "own.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(f"boatyard_{cloud}/handler.py", "")
    (folder / "bundle.json").write_text(json.dumps(facts))
    cases = sorted((HERE / cloud).glob("*.tftest.hcl"))
    assert cases
    for case in cases:
        shutil.copy(case, folder)

    def run(case: Path) -> str:
        # With it, each run's outputs, and all schemas of its provider: seconds for AWS.
        verbose = ("-verbose",) if case.name == INLINE else ()
        return module("test", "-json", *verbose, f"-filter=tests/{case.name}", seconds=400)

    with ThreadPoolExecutor() as pool:
        for case, said in zip(cases, pool.map(run, cases), strict=True):
            lines = [json.loads(line) for line in said.splitlines()]
            (summary,) = [line["test_summary"] for line in lines if line["type"] == "test_summary"]
            assert summary["status"] == "pass", case.name
            if case.name == INLINE:
                _configured(cloud, lines)


def _configured(cloud: str, lines: list[dict[str, Any]]) -> None:
    """The functions take what Terraform gives them, alone and with the cloud's build service beside them."""
    states = [line["test_state"] for line in lines if line["type"] == "test_state"]
    configure = CONFIGURE[cloud]
    made = [configure(state["outputs"]["environment"]["value"], _no_bucket) for state in states]
    assert [(each.runner, each.build_service) for each in made] == [("inline", ""), ("inline", BUILD_SERVICES[cloud])]
    assert all(each.queue and each.settings.layers == "registry" for each in made)


def _no_bucket(name: str) -> Any:
    raise AssertionError(f"the settings are in no bucket: {name}")
