"""Roles on Azure: those that the page on Union's Image Builder asks for, and what the rest needs. And what the function
gets to know of it all: the same plan has both.
"""

import json
import re
import shutil
import zipfile
from typing import Any, Final, NamedTuple

import pytest

from boatyard_azure.configuration import Configuration, configure
from tests.terraform.offline.cli import ROOT, Terraform
from tests.terraform.test_expected import HERE

pytestmark = pytest.mark.integration

UNION: Final = {("builder", "AcrPush"), ("kubelet", "AcrPull"), ("function", "AcrPull")}
"""Image Builder, "Azure": "Configure the user 'role' user-assigned managed identity with the AcrPush role. Configure
the Azure kubelet identity ID and operator-proxy user-assigned managed identities with the AcrPull role." The user
role is the builder's here, and the proxy is the function."""
ABAC: Final = {"AcrPush": "Container Registry Repository Writer", "AcrPull": "Container Registry Repository Reader"}
SECRETS: Final = "Microsoft.KeyVault/vaults/secrets"
BLOBS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
READS: Final = f"{SECRETS}/getSecret/action"
ACTIONS: Final = {
    "deployment_key": {READS, f"{SECRETS}/setSecret/action"},
    "registry": {"Microsoft.ContainerRegistry/registries/read"},
    "secrets": {
        f"{SECRETS}/{verb}"
        for verb in ("delete", "readMetadata/action", "recover/action", "setSecret/action", "update/action")
    },
    "contexts": {f"{BLOBS}/{verb}" for verb in ("read", "delete")},
    "jobs": {f"{BLOBS}/{verb}" for verb in ("read", "write", "add/action")},
    "run_builds": {
        f"Microsoft.ContainerRegistry/registries/{verb}"
        for verb in (
            *("scheduleRun/action", "runs/read", "runs/cancel/action", "runs/listLogSasUrl/action", "tasks/read"),
        )
    },
}
"""Of the roles that are the deployment's own."""
BROAD: Final = re.compile(r"Owner|Contributor|Administrator|Officer|Reader")
DATA: Final = {
    ("function", "Storage Blob Data Contributor", "CONTAINER"),
    ("function", "Storage Blob Data Owner", "HOST"),
    ("function", "Storage Queue Data Reader", "QUEUE"),
}
"""Roles whose names sound wide, on what holds one deployment's data."""
GROUP: Final = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/builds"
REGISTRIES: Final = "providers/Microsoft.ContainerRegistry/registries"
ELSEWHERE: Final = f"/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/g/{REGISTRIES}/team"
CLUSTER: Final = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/runs"
SOURCE: Final = """
mock_provider "azurerm" {
  source = "./tests/mocks"
  override_resource {
    target = azurerm_user_assigned_identity.builder
    values = { principal_id = "builder" }
  }
  override_resource {
    target = azurerm_user_assigned_identity.function
    values = { principal_id = "function" }
  }
  override_resource {
    target = azurerm_eventgrid_system_topic.events
    values = { identity = { principal_id = "topic" } }
  }
  override_resource {
    target = azurerm_storage_account.account["host"]
    values = { id = "/HOST", primary_blob_endpoint = "https://host/" }
  }
}
mock_provider "kubernetes" {}
mock_provider "tls" {}
variables {
  application     = { client_id = "55555555-5555-5555-5555-555555555555" }
  bundle          = { path = "tests/bundle.zip" }
  cross_registry  = { grant = true }
  events          = { drift_schedule = "0 0 5 * * *" }
  location        = "westeurope"
  projects        = { flytesnacks = { domains = ["development"] } }
  resource_group  = "builds"
  subscription_id = "11111111-1111-1111-1111-111111111111"
  repository = {
    push_ids = ["%(elsewhere)s"]
    abac_ids = ["%(elsewhere)s"]
    bases    = { "%(golden)s" = { repositories = ["golden"] } }
  }
}
run "acrtasks" {
}
run "cluster" {
  variables {
    cluster = { id = "%(cluster)s", oidc_issuer_url = "https://oidc.test/", kubelet_principals = { n = "kubelet" } }
  }
}
"""


class Grant(NamedTuple):
    address: str
    who: str
    role: str
    """A built-in one's name, or the key of the deployment's own."""
    scope: str
    condition: str

    @property
    def key(self) -> str:
        return self.address.partition("[")[2].strip('"]')


class Granted(NamedTuple):
    grants: list[Grant]
    custom: dict[str, dict[str, Any]]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def both(azure_module: Terraform) -> dict[str, Granted]:
    """One command for a deployment with ACR Tasks and one on a cluster."""
    folder = azure_module.folder / "tests"
    (folder / "mocks").mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "azure" / "mocks.tfmock.hcl", folder / "mocks")
    with zipfile.ZipFile(folder / "bundle.zip", "w") as archive:
        archive.writestr("function_app.py", "")
    (folder / "bundle.json").write_text('{"builderTag": "1"}')
    names = {"elsewhere": ELSEWHERE, "golden": f"{GROUP}/{REGISTRIES}/golden", "cluster": CLUSTER}
    (folder / "roles.tftest.hcl").write_text(SOURCE % names)
    said = azure_module("test", "-json", "-verbose", "-filter=tests/roles.tftest.hcl")
    lines = [json.loads(line) for line in said.splitlines()]
    states = {line["@testrun"]: line["test_state"] for line in lines if line["type"] == "test_state"}
    return {
        name: _granted(state["root_module"]["resources"], state["outputs"]["environment"]["value"])
        for name, state in states.items()
    }


@pytest.fixture(params=["acrtasks", "cluster"])
def granted(request: pytest.FixtureRequest, both: dict[str, Granted]) -> Granted:
    return both[request.param]


def _granted(resources: list[dict[str, Any]], environment: dict[str, str]) -> Granted:
    custom = {
        each["index"]: each["values"]["permissions"][0]
        for each in resources
        if each["type"] == "azurerm_role_definition"
    }
    grants = [_grant(each) for each in resources if each["type"] == "azurerm_role_assignment"]
    return Granted(grants, custom, environment)


def _grant(resource: dict[str, Any]) -> Grant:
    values = resource["values"]
    is_own = resource["address"].partition("[")[0].endswith((".function_custom", ".builder"))
    role = resource["index"] if is_own else values["role_definition_name"]
    return Grant(
        resource["address"],
        values["principal_id"],
        role,
        values["scope"],
        values["condition"] if resource["name"] == "builder" else "",
    )


def _on(granted: Granted, registry: str) -> set[tuple[str, str]]:
    of_registries = [grant for grant in granted.grants if ".registry[" in grant.address]
    return {(grant.who, grant.role) for grant in of_registries if grant.key.startswith(f"{registry}: ")}


def test_registry_roles_are_unions(both: dict[str, Granted]) -> None:
    assert _on(both["cluster"], "own") == UNION
    assert _on(both["acrtasks"], "own") == UNION - {("kubelet", "AcrPull")}


def test_a_registry_that_grants_by_repository_has_the_roles_for_it(both: dict[str, Granted]) -> None:
    assert _on(both["cluster"], ELSEWHERE) == {(who, ABAC[role]) for who, role in UNION}


def test_a_base_is_only_read(granted: Granted) -> None:
    assert {role for _, role in _on(granted, f"{GROUP}/{REGISTRIES}/golden")} == {"AcrPull"}


def test_roles_of_the_deployments_own_have_these_actions_and_no_other(both: dict[str, Granted]) -> None:
    for name, granted in both.items():
        found = {
            key: set(each.get("actions") or ()) | set(each.get("data_actions") or ())
            for key, each in granted.custom.items()
        }
        assert found == {key: ACTIONS[key] for key in found}, name
    assert set(both["acrtasks"].custom) == set(ACTIONS)
    assert set(both["cluster"].custom) == {"deployment_key", "registry"}


def test_the_function_reads_no_secret_but_the_deployments_key(granted: Granted) -> None:
    of_vaults = [grant for grant in granted.grants if "vaults/" in grant.scope]
    (key,) = [grant for grant in of_vaults if grant.role == "deployment_key"]
    assert key.who == "function" and key.scope.endswith("/secrets/boatyard-deployment-key")
    assert READS not in ACTIONS["secrets"]
    # And builds read the other vault, whose resource is another.
    assert {(grant.who, grant.role) for grant in of_vaults} - {("function", "deployment_key")} <= {
        ("function", "secrets"),
        ("builder", "Key Vault Secrets User"),
    }


def test_a_build_reads_contexts_and_writes_jobs_and_no_other_folder(both: dict[str, Granted]) -> None:
    of_builder = [
        grant for grant in both["acrtasks"].grants if grant.who == "builder" and "blobServices" in grant.scope
    ]
    folders = {
        grant.role: re.findall(r"containers/blobs:path\] StringLike '([^']+)'", grant.condition) for grant in of_builder
    }
    assert folders == {"contexts": ["contexts/*"], "jobs": ["jobs/*"]}
    for grant in of_builder:
        limited = set(re.findall(r"blobs/([a-z/]+)'", grant.condition))
        assert limited == {"read", "write", "add/action", "delete", "move/action"}
        assert "SubOperationMatches" not in grant.condition, "a list of names has no path, so it is refused"
    # Of its context it signs URLs itself, which have its own rights.
    signs = {grant.who for grant in both["acrtasks"].grants if grant.role == "Storage Blob Delegator"}
    assert signs == {"builder", "function"}
    assert not [g for g in both["cluster"].grants if g.who == "builder" and "registries" not in g.scope]


def test_no_role_is_on_more_than_it_has_to_be(granted: Granted) -> None:
    for grant in granted.grants:
        assert "/providers/" in grant.scope or grant.scope in ("/HOST", "/insights"), grant
        if BROAD.search(grant.role) and not grant.role.startswith("Container Registry"):
            place = "HOST" if grant.scope == "/HOST" else "QUEUE" if "queueServices" in grant.scope else "CONTAINER"
            assert (grant.who, grant.role, place) in DATA, grant
            assert place == "HOST" or "/default/" in grant.scope, grant


def test_event_grid_only_adds_messages_to_the_queue(granted: Granted) -> None:
    of_topics = {(grant.role, grant.scope.rpartition("/")[2]) for grant in granted.grants if ".topic[" in grant.address}
    assert of_topics == {("Storage Queue Data Message Sender", "boatyard-events")}


def test_the_function_takes_the_configuration_that_terraform_gives_it(both: dict[str, Granted]) -> None:
    made = {name: _configured(granted.environment) for name, granted in both.items()}
    assert made["acrtasks"].acr_task.endswith("/tasks/made") and made["acrtasks"].settings.buildkit.driver == "buildx"
    assert made["cluster"].cluster == CLUSTER and not made["cluster"].acr_task
    for each in made.values():
        assert each.invokers_checked and not each.anonymous and each.pin_bases
        assert each.settings.authentication_type == "azure"


def _configured(environment: dict[str, str]) -> Configuration:
    def bucket(name: str) -> Any:
        raise AssertionError(f"the settings are in no bucket: {name}")

    return configure(environment, bucket)


def test_the_page_has_every_role_and_action_and_no_other(both: dict[str, Granted]) -> None:
    page = (ROOT / "docs" / "deploy-azure.md").read_text(encoding="utf-8")
    table = page.partition("## Every permission")[2].partition("\n## ")[0]
    rows = "\n".join(line for line in table.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`([A-Z][\w./ ]+)`", rows))
    grants = [grant for granted in both.values() for grant in granted.grants]
    given = {grant.role for grant in grants} - set(ACTIONS) | set().union(*ACTIONS.values())
    assert named == given
