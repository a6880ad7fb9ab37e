"""docs/clouds.md and the clouds' roots name the same resources, rights and variables.

Each root's own tests hold the table of its page (deploy-<cloud>.md) against an apply or a plan; here the page's rights
are those of the common table.
"""

import re
from typing import Final

import pytest

from boatyard_aws.configuration import Configuration as AwsConfiguration
from boatyard_azure.configuration import Configuration as AzureConfiguration
from boatyard_gcp.configuration import Configuration as GoogleConfiguration
from boatyard_serverless.configuration import FunctionConfiguration
from tests.terraform.offline.cli import INFRA, ROOT

CLOUDS: Final = ("aws", "gcp", "azure")
PROVIDERS: Final = {"aws": "aws", "gcp": "google", "azure": "azurerm"}
CONFIGURATIONS: Final[dict[str, type[FunctionConfiguration]]] = {
    "aws": AwsConfiguration,
    "gcp": GoogleConfiguration,
    "azure": AzureConfiguration,
}
PLATFORMS: Final = {
    "aws": set[str](),
    "gcp": set[str](),
    # The connection of the queue's trigger and its timer, which the host and handler.py read.
    "azure": {"STORAGE__queueServiceUri", "STORAGE__credential", "STORAGE__clientId", "DRIFT_SCHEDULE"},
}
"""Variables that are no field of the configuration."""
NOT_ASKED: Final = {
    # The cluster is in the function's region, IAM checks every caller, and Lambda says how much time is left.
    "aws": {"CLUSTER_REGION", "ANONYMOUS", "EVENT_SECONDS"},
    # Cloud Run functions have no traces of ours; a function signs as its own account.
    "gcp": {"TRACING", "SIGNING_ACCOUNT"},
    "azure": {"TRACING"},
}
"""Variables that are read and that Terraform has no use for."""
RIGHT: Final = re.compile(r"`([a-z0-9-]+:[A-Z]\w+|roles/[\w.]+|[a-z]+\.[a-z]+\.[a-zA-Z]+|[A-Z][\w./ ]+)`")
NO_RIGHTS: Final = re.compile(r"`[a-z_]+`")


def _rows(page: str, heading: str) -> list[list[str]]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"\n## {heading}")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")][1:]


def _column(heading: str, cloud: str) -> str:
    return "\n".join(row[1 + CLOUDS.index(cloud)] for row in _rows("clouds.md", heading))


def _text(cloud: str) -> str:
    """The root's files, without those of its examples and modules."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((INFRA / cloud).glob("*.tf")))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_resource_of_a_root_is_in_the_table_and_no_other(cloud: str) -> None:
    named = re.findall(rf"`({PROVIDERS[cloud]}_\w+)`", _column("Parts", cloud))
    assert len(named) == len(set(named)), "each is in one row"
    assert set(named) == set(re.findall(r'^resource "(\w+)"', _text(cloud), re.M))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_right_of_a_page_is_in_the_table_and_no_other(cloud: str) -> None:
    of_page = "\n".join(" | ".join(row) for row in _rows(f"deploy-{cloud}.md", "Every permission"))
    rights = set(RIGHT.findall(_column("Rights", cloud)))
    assert rights == set(RIGHT.findall(of_page))
    assert not set(NO_RIGHTS.findall(_column("Rights", cloud))) - {"`caller_policy_arn`", "`caller_principals`"}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_right_of_the_table_is_in_the_roots_files(cloud: str) -> None:
    """By its last word where the file puts it together, such as "roles/artifactregistry.${role}"."""
    text = _text(cloud)
    for right in RIGHT.findall(_column("Rights", cloud)):
        last = re.split(r"secrets/|blobs/|\.(?=[^.]*$)", right)[-1]
        assert right in text or re.search(rf"\b{re.escape(last)}\b", text), right


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_function_reads_every_variable_that_its_root_sets(cloud: str) -> None:
    fields = {name.upper() for name in CONFIGURATIONS[cloud].__struct_fields__}
    files = (INFRA / cloud / "function.tf").read_text(encoding="utf-8")
    made = set(re.findall(r'^\s*"?BOATYARD_(\w+)"?\s+=', files, re.M)) | set(re.findall(r'"BOATYARD_(\w+)" =>', files))
    made |= set(re.findall(r"[{,] BOATYARD_(\w+) = ", files))
    assert made - PLATFORMS[cloud] == fields - NOT_ASKED[cloud]
    assert PLATFORMS[cloud] <= made
