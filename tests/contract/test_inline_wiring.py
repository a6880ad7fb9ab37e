"""Every cloud's parts can carry builds out in the function itself, though no configuration asks for it yet."""

from typing import Any

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard_aws import wiring as aws
from boatyard_azure import wiring as azure
from boatyard_gcp import wiring as gcp
from boatyard_serverless.inline.building import InlineBuilding
from boatyard_serverless.inline.routing import refuse_run
from boatyard_serverless.wiring import CloudParts
from tests.azure.acr_tasks import TASK

SHARED = {
    "BOATYARD_BUCKET": "bucket",
    "BOATYARD_QUEUE": "events",
    "BOATYARD_DEFAULT_REPOSITORY": "r.example.com/images",
}
CLOUDS: dict[str, tuple[type[CloudParts[Any]], dict[str, str]]] = {
    "aws": (
        aws.Parts,
        {"BOATYARD_DEPLOYMENT_KEY": "key", "BOATYARD_RUNNER": "codebuild", "BOATYARD_CODEBUILD_PROJECT": "p"},
    ),
    "gcp": (
        gcp.Parts,
        {
            "BOATYARD_DEPLOYMENT_KEY": "key",
            "BOATYARD_PROJECT": "acme",
            "BOATYARD_RUNNER": "cloudbuild",
            "BOATYARD_CLOUDBUILD_IMAGE": "r.example.com/builder:1",
            "BOATYARD_CLOUDBUILD_ACCOUNT": "builder@acme.iam.gserviceaccount.com",
            "BOATYARD_CLOUDBUILD_LOCATION": "europe-west1",
        },
    ),
    "azure": (
        azure.Parts,
        {
            "BOATYARD_DEPLOYMENT_KEY": "https://keys.vault.azure.net/secrets/deployment",
            "BOATYARD_STORAGE_ACCOUNT": "acme",
            "BOATYARD_RUNNER": "acrtasks",
            "BOATYARD_ACR_TASK": TASK,
            "BOATYARD_VAULT": "users",
        },
    ),
}


def parts(cloud: str, **changes: Any) -> CloudParts[Any]:
    kind, variables = CLOUDS[cloud]
    made = kind({**SHARED, **variables})  # type: ignore[call-arg]
    made.__dict__["configuration"] = msgspec.structs.replace(made.configuration, **changes)
    return made


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_function_that_carries_builds_out_refuses_what_needs_a_run(cloud: str) -> None:
    made = parts(cloud, runner="inline")
    assert isinstance(made.builds, InlineBuilding) and made.refuse_order is refuse_run
    assert made.settings.layers == "registry", "else its jobs would have no steps"
    helper, module = made.job_helper()
    assert helper.startswith("docker-credential-boatyard-") and module == f"boatyard_{cloud}.credential"
    assert made._job_host().ledger.bucket is made.bucket


@pytest.mark.parametrize("cloud", CLOUDS)
def test_with_a_build_service_beside_it_nothing_is_refused(cloud: str) -> None:
    made = parts(cloud, runner="inline", inline_other="yes")
    assert made.refuse_order is None and made._inline_service() is not None


@pytest.mark.parametrize("cloud", CLOUDS)
def test_other_runners_carry_nothing_out(cloud: str) -> None:
    made = parts(cloud)
    assert made.builds is None and made.refuse_order is None
    assert made.settings is made.configuration.settings


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_configuration_offers_it(cloud: str) -> None:
    kind, variables = CLOUDS[cloud]
    with pytest.raises(BoatyardError) as refused:
        _ = kind({**SHARED, **variables, "BOATYARD_RUNNER": "inline"}).configuration  # type: ignore[call-arg]
    assert refused.value.code == "INVALID_SPEC"
