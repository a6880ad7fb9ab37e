"""Roles on Google Cloud: those of the page on Union's Image Builder, and those that the other parts need."""

import json
import re
import shutil
import zipfile
from typing import Any, Final, NamedTuple

import pytest

from tests.terraform.offline.cli import ROOT, Terraform
from tests.terraform.test_expected import HERE

pytestmark = pytest.mark.integration

READER, WRITER = "roles/artifactregistry.reader", "roles/artifactregistry.writer"
UNION: Final = {("builder", WRITER), ("nodes", READER), ("function", READER)}
"""Image Builder, "Google Cloud Platform": "Configure the user 'role' service account with the Artifact Registry Writer.
Configure the GCP worker node and union-operator-proxy service accounts with the Artifact Registry Reader role." The
user role is the builder's here, and the proxy is the function."""
SIGN_BLOB: Final = "roles/iam.serviceAccountTokenCreator"
"""Same section: "configure the GCP user service account with iam.serviceAccounts.signBlob". Here on itself."""
OF_THE_PROJECT: Final = {
    ("function", "roles/cloudbuild.builds.editor"),
    ("function", "made"),
    ("deploy", "roles/logging.logWriter"),
}
"""Roles on the whole project without a condition: no narrower resource exists. "made" are the deployment's own."""
TOO_WIDE: Final = re.compile(r"roles/(owner|editor|viewer|[a-z.]+\.admin)$")
SOURCE: Final = """
mock_provider "google" {
  source = "./tests/mocks"
%s
}
mock_provider "kubernetes" {}
mock_provider "tls" {}
variables {
  bundle         = { path = "tests/bundle.zip" }
  caller_members = ["user:ann@acme.test"]
  cross_project  = { grant = true }
  encryption     = { key_name = "projects/acme/locations/europe-west1/keyRings/ring/cryptoKeys/key" }
  events         = { drift_schedule = "0 5 * * *" }
  project        = "acme"
  projects       = { flytesnacks = { domains = ["development"] } }
  region         = "europe-west1"
  repository = {
    base_names = ["projects/acme/locations/europe-west1/repositories/golden"]
    push_names = ["projects/other/locations/us/repositories/team"]
  }
  %s
}
run "all" {
}
"""
OVERRIDE: Final = """
  override_resource {
    target = google_service_account.NAME
    values = { email = "NAME@acme.test", name = "projects/acme/serviceAccounts/NAME@acme.test" }
  }
"""
CLUSTER: Final = """
  cluster = { name = "runs", location = "europe-west1", node_accounts = { n = "nodes@acme.test" } }
"""


class Grant(NamedTuple):
    address: str
    who: str
    role: str
    condition: str

    @property
    def kind(self) -> str:
        return self.address.partition(".")[0].removesuffix("_iam_member").removesuffix("_iam_policy")

    @property
    def key(self) -> str:
        return self.address.partition("[")[2].strip('"]')


class Granted(NamedTuple):
    members: list[Grant]
    custom: dict[str, set[str]]
    """Address -> permissions."""

    def roles(self, kind: str) -> set[tuple[str, str]]:
        return {(grant.who, grant.role) for grant in self.members if grant.kind == kind}


@pytest.fixture(scope="module", params=["cloudbuild", "cluster"])
def granted(request: pytest.FixtureRequest, google_module: Terraform) -> Granted:
    folder = google_module.folder / "tests"
    (folder / "mocks").mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "gcp" / "mocks.tfmock.hcl", folder / "mocks")
    with zipfile.ZipFile(folder / "bundle.zip", "w") as archive:
        archive.writestr("boatyard_gcp/handler.py", "")
    (folder / "bundle.json").write_text('{"builderTag": "1"}')
    accounts = "".join(OVERRIDE.replace("NAME", name) for name in ("builder", "deploy", "function", "push"))
    case = folder / f"{request.param}.tftest.hcl"
    case.write_text(SOURCE % (accounts, CLUSTER if request.param == "cluster" else ""))
    said = google_module("test", "-json", "-verbose", f"-filter=tests/{case.name}")
    lines = [json.loads(line) for line in said.splitlines()]
    (state,) = [line["test_state"] for line in lines if line["type"] == "test_state"]
    resources = state["root_module"]["resources"]
    members = [_grant(each["address"], each["values"]) for each in resources if each["type"].endswith("_iam_member")]
    members += [grant for each in resources if each["type"] == "google_iam_policy" for grant in _of_policy(each)]
    custom = {
        each["address"]: set(each["values"]["permissions"])
        for each in resources
        if each["type"] == "google_project_iam_custom_role"
    }
    return Granted(members, custom)


def _grant(address: str, values: dict[str, Any]) -> Grant:
    name = re.sub(r"^serviceAccount:|@acme\.test$", "", values["member"])
    role = "made" if values["role"].startswith("projects/") else values["role"]
    condition = values["condition"][0]["expression"] if values.get("condition") else ""
    return Grant(address, name, role, condition)


def _of_policy(document: dict[str, Any]) -> list[Grant]:
    """The grants of a whole policy, on the resource with the same name and key."""
    address = f"google_cloud_run_v2_service_iam_policy.{document['address'].removeprefix('data.google_iam_policy.')}"
    return [
        _grant(address, {"role": binding["role"], "member": member})
        for binding in document["values"]["binding"] or ()
        for member in binding["members"]
    ]


def test_registry_roles_are_unions(granted: Granted) -> None:
    on_images = {
        (grant.who, grant.role)
        for grant in granted.members
        if grant.kind == "google_artifact_registry_repository" and grant.key.startswith("images: ")
    }
    nodes = {("nodes", READER)} if any(grant.who == "nodes" for grant in granted.members) else set()
    assert on_images == (UNION - {("nodes", READER)}) | nodes


def test_another_projects_repository_has_the_same_roles(granted: Granted) -> None:
    def on(repository: str) -> set[tuple[str, str]]:
        return {(grant.who, grant.role) for grant in granted.members if grant.key.startswith(f"{repository}: ")}

    assert on("projects/other/locations/us/repositories/team") == on("images")


def test_a_base_is_only_read(granted: Granted) -> None:
    golden = {grant.role for grant in granted.members if "repositories/golden: " in grant.key}
    assert golden == {READER}


def test_accounts_sign_for_themselves_and_no_other(granted: Granted) -> None:
    signers = {grant.address.partition("[")[0]: grant.who for grant in granted.members if grant.role == SIGN_BLOB}
    assert signers == {
        "google_service_account_iam_member.builder_signs": "builder",
        "google_service_account_iam_member.function_signs": "function",
    }


def test_no_role_is_wider_than_it_has_to_be(granted: Granted) -> None:
    wide = {(grant.address, grant.role) for grant in granted.members if TOO_WIDE.match(grant.role)}
    assert wide <= {('google_storage_bucket_iam_member.logs["builder"]', "roles/storage.admin")}
    project = {(g.who, g.role) for g in granted.members if g.kind == "google_project" and not g.condition}
    assert project <= OF_THE_PROJECT


def test_callers_are_named_and_only_pub_sub_brings_events(granted: Granted) -> None:
    callers = {(g.key, g.who, g.role) for g in granted.members if g.kind == "google_cloud_run_v2_service"}
    assert callers == {("http", "user:ann", "roles/run.invoker"), ("events", "push", "roles/run.invoker")}


def test_no_one_is_everybody(granted: Granted) -> None:
    assert not [grant for grant in granted.members if grant.who.startswith("all")]


def test_only_builds_read_values_of_projects_secrets(granted: Granted) -> None:
    assert "secretmanager.versions.access" not in set().union(*granted.custom.values())
    readers = {(g.kind, g.who) for g in granted.members if g.role == "roles/secretmanager.secretAccessor"}
    # the deployment's key alone, and for builds whatever the prefix names: which the key is not
    assert readers <= {("google_secret_manager_secret", "function"), ("google_project", "builder")}
    prefixes = {g.condition for g in granted.members if g.kind == "google_project" and "secrets" in g.condition}
    assert prefixes <= {'resource.name.startsWith("projects/123456789012/secrets/boatyard_")'}


def test_a_build_may_remove_a_context_of_another_digest(granted: Granted) -> None:
    """The job signs its URLs again, as the build's account (boatyard_serverless.builds.job)."""
    builds = any(".run_builds[" in grant.address for grant in granted.members)
    of_contexts = {
        grant.role
        for grant in granted.members
        if grant.address == 'google_storage_bucket_iam_member.builder["contexts"]'
    }
    assert of_contexts == ({"roles/storage.objectUser"} if builds else set())


def test_folders_of_the_bucket_are_conditions(granted: Granted) -> None:
    ours = [g for g in granted.members if g.kind == "google_storage_bucket" and ".logs[" not in g.address]
    assert ours and all("objects/" in grant.condition for grant in ours)
    # Google's limit is 12 logical operators.
    assert all(grant.condition.count("||") <= 11 for grant in ours)


def test_the_page_has_every_role_and_permission_and_no_other(granted: Granted) -> None:
    page = (ROOT / "docs" / "deploy-gcp.md").read_text(encoding="utf-8")
    table = page.partition("## Every permission")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(roles/[\w.]+|[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+)`", table))
    given = {grant.role for grant in granted.members} - {"made"}
    assert given | set().union(*granted.custom.values()) <= named
    assert named <= ALL


ALL: Final = {
    *(READER, WRITER, SIGN_BLOB),
    *("roles/storage.objectUser", "roles/storage.objectViewer", "roles/storage.admin"),
    *("roles/secretmanager.secretAccessor", "roles/secretmanager.secretVersionAdder"),
    *("roles/cloudbuild.builds.editor", "roles/cloudbuild.workerPoolUser", "roles/iam.serviceAccountUser"),
    *("roles/iam.workloadIdentityUser", "roles/iam.serviceAccountOpenIdTokenCreator", "roles/logging.logWriter"),
    "roles/cloudkms.cryptoKeyEncrypterDecrypter",
    *("roles/pubsub.publisher", "roles/pubsub.subscriber", "roles/run.invoker"),
    *("container.clusters.get", "container.clusters.connect", "artifactregistry.repositories.create"),
    *(f"secretmanager.secrets.{verb}" for verb in ("create", "list", "delete", "update")),
    *(f"secretmanager.versions.{verb}" for verb in ("add", "destroy", "get", "list")),
}
