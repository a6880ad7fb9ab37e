"""The step of a run: what Terraform's task gives it, and that a build runs once, however many runs there are."""

import re

import pytest

from boatyard_azure import build_step
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.rest import AzureRest
from boatyard_serverless.builds import job as main_program
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.builds.ledger import BucketLedger
from tests.azure.acr_tasks import PlayedRun
from tests.azure.azurite import ACCOUNT
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.steps import content, environment_of, run_bare, step_of
from tests.azure.storage import Storage
from tests.azure.vault import Vault

ID = "0" * 32 + "-1"
VARIABLES = {
    "image": "boatyardtest.azurecr.io/boatyard/builder:1-engine",
    "client_id": CLIENT_ID,
    "account": ACCOUNT,
    "container": "boatyard",
    "vault": "https://vault.example",
    "prefix": "boatyard",
}


def run(build: str = ID) -> PlayedRun:
    values = [{"name": "build", "value": build}, {"name": "timeout", "value": "900"}]
    return PlayedRun("ca1", {"overrideTaskStepProperties": {"values": values}})


def test_a_run_decides_the_build_and_its_time_alone() -> None:
    step = step_of(content(**VARIABLES), run())
    assert step["cmd"] == f"{VARIABLES['image']} -m boatyard_azure.build_step" and step["entryPoint"] == "python"
    assert step["privileged"] is True and step["timeout"] == 900
    assert environment_of(step) == {
        "BOATYARD_BUILD_ID": ID,
        "BOATYARD_EXECUTION": "ca1",
        "BOATYARD_STORAGE_ACCOUNT": ACCOUNT,
        "BOATYARD_BUCKET": "boatyard",
        "BOATYARD_VAULT": "https://vault.example",
        "BOATYARD_SECRET_PREFIX": "boatyard",
        "BOATYARD_ENGINE_ROOT": "/workspace/.engine",
        "AZURE_CLIENT_ID": CLIENT_ID,
    }


def test_nothing_in_the_step_is_read_by_the_shell_that_runs_it() -> None:
    step = step_of(content(**VARIABLES), run())
    for text in (step["cmd"], step["entryPoint"], *step["env"]):
        assert re.fullmatch(r"[\w .:/=-]+", text, re.ASCII), text


def test_a_dockerfiles_steps_reach_neither_the_identity_nor_the_machines_agent(
    entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[main_program.JobHost] = []
    monkeypatch.setattr(main_program, "main", lambda build, execution, step, variables: seen.append(step) or 0)
    assert build_step.main(environment_of(step_of(content(**VARIABLES), run()))) == 0
    assert set(seen[0].closed) == {"169.254.169.254", "168.63.129.16"} and not seen[0].own_container


class TestAsAProcess:
    """With a machine's identity, Blob Storage and a vault on loopback."""

    @pytest.mark.parametrize("build", [ID, "by-hand"])
    def test_a_run_without_a_build_does_nothing(
        self, build: str, entra: Entra, storage: Storage, bucket: BlobBucket, vault: Vault
    ) -> None:
        text = content(**{**VARIABLES, "container": bucket.container, "vault": vault.url})
        stand_ins = {**entra.of_a_machine, "BOATYARD_BLOB_ENDPOINT": storage.blob.url}
        done = run_bare(step_of(text, run(build)), stand_ins)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == BEGIN and "nothing to do" in done.stdout
        assert BucketLedger(BlobBucket(AzureRest(), ACCOUNT, bucket.container)).get(ID) is None
