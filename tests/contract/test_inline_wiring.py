"""Every cloud's functions can carry builds out themselves: the variables, and what the parts make of them."""

from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws import wiring as aws
from boatyard_azure import wiring as azure
from boatyard_gcp import wiring as gcp
from boatyard_serverless.inline.building import InlineBuilding
from boatyard_serverless.inline.routing import InlineOrOther
from boatyard_serverless.wiring import CloudParts
from boatyard_serverless.without_buildkit import refuse_run, refuse_run_in_cluster
from tests.azure.acr_tasks import TASK
from tests.azure.aks import CLUSTER

SHARED = {
    "BOATYARD_BUCKET": "bucket",
    "BOATYARD_QUEUE": "events",
    "BOATYARD_DEFAULT_REPOSITORY": "r.example.com/images",
}
OF_BUILD_SERVICE = {
    "BOATYARD_CODEBUILD_PROJECT": "aws",
    "BOATYARD_CLOUDBUILD_IMAGE": "gcp",
    "BOATYARD_CLOUDBUILD_ACCOUNT": "gcp",
    "BOATYARD_CLOUDBUILD_LOCATION": "gcp",
    "BOATYARD_ACR_TASK": "azure",
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


CLUSTERS = {"aws": "runs", "gcp": "projects/acme/locations/europe-west1/clusters/runs", "azure": CLUSTER}


def parts(cloud: str, **changes: str) -> CloudParts[Any]:
    kind, variables = CLOUDS[cloud]
    return kind({**SHARED, **variables, **changes})  # type: ignore[call-arg]


def inline(cloud: str, **changes: str) -> CloudParts[Any]:
    """Without the variables of the cloud's build service."""
    kind, variables = CLOUDS[cloud]
    chosen = {name: value for name, value in variables.items() if name not in OF_BUILD_SERVICE}
    return kind({**SHARED, **chosen, "BOATYARD_RUNNER": "inline", **changes})  # type: ignore[call-arg]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_function_that_carries_builds_out_refuses_what_needs_a_run(cloud: str) -> None:
    made = inline(cloud)
    assert isinstance(made.builds, InlineBuilding) and made.refuse_order is refuse_run
    assert made.settings.layers == "registry", "else its jobs would have no steps"
    helper, module = made.job_helper()
    assert helper.startswith("docker-credential-boatyard-") and module == f"boatyard_{cloud}.credential"
    assert made._job_host().ledger.bucket is made.bucket


@pytest.mark.parametrize("cloud", CLOUDS)
def test_with_a_build_service_beside_it_nothing_is_refused(cloud: str) -> None:
    service = CLOUDS[cloud][1]["BOATYARD_RUNNER"]
    made = parts(cloud, BOATYARD_RUNNER="inline", BOATYARD_INLINE_OTHER=service)
    assert made.configuration.build_service == service
    assert made.refuse_order is None and isinstance(made._inline_service(), InlineOrOther)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(
    ("variables", "refuses"),
    [
        ({"BOATYARD_KUBERNETES__RUN_BUILDKIT": "false", "BOATYARD_LAYERS": "registry"}, True),
        ({"BOATYARD_KUBERNETES__RUN_BUILDKIT": "false", "BOATYARD_BUILDKIT_URI": "tcp://elsewhere:1234"}, False),
        ({"BOATYARD_BUILDKIT__ENABLED": "false", "BOATYARD_LAYERS": "registry"}, False),
    ],
    ids=["no pod may run BuildKit", "it is elsewhere", "each build has its own"],
)
def test_a_cluster_that_may_not_run_buildkit_refuses_what_needs_a_run(
    cloud: str, variables: dict[str, str], refuses: bool
) -> None:
    made = parts(cloud, BOATYARD_RUNNER="kubernetes", BOATYARD_CLUSTER=CLUSTERS[cloud], **variables)
    assert made.refuse_order is (refuse_run_in_cluster if refuses else None)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cluster_without_buildkit_that_needs_one_for_each_image_is_a_mistake(cloud: str) -> None:
    variables = {"BOATYARD_CLUSTER": CLUSTERS[cloud], "BOATYARD_KUBERNETES__RUN_BUILDKIT": "false"}
    variables["BOATYARD_LAYERS"] = "builder"
    with pytest.raises(BoatyardError, match="layers must be registry") as refused:
        _ = parts(cloud, BOATYARD_RUNNER="kubernetes", **variables).configuration
    assert refused.value.code == "INVALID_SPEC"
    assert parts(cloud, **variables).configuration.runner != "kubernetes", "only clusters are meant"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_other_runners_carry_nothing_out(cloud: str) -> None:
    made = parts(cloud)
    assert made.builds is None and made.refuse_order is None
    assert made.settings is made.configuration.settings
    assert made.configuration.build_service == made.configuration.runner


@pytest.mark.parametrize(
    ("cloud", "variables", "words"),
    [
        *(
            (cloud, {"BOATYARD_QUEUE": ""}, "BOATYARD_RUNNER is inline, so BOATYARD_QUEUE is needed")
            for cloud in CLOUDS
        ),
        *((cloud, {"BOATYARD_INLINE_OTHER": "nomad"}, "BOATYARD_INLINE_OTHER") for cloud in CLOUDS),
        *((cloud, {"BOATYARD_EVENT_SECONDS": "20"}, "BOATYARD_EVENT_SECONDS") for cloud in CLOUDS),
        *(
            (cloud, {"BOATYARD_INLINE_OTHER": CLOUDS[cloud][1]["BOATYARD_RUNNER"]}, f"so {name} is needed")
            for name, cloud in OF_BUILD_SERVICE.items()
        ),
        *((cloud, {"BOATYARD_INLINE_OTHER": "kubernetes"}, "BOATYARD_INLINE_OTHER") for cloud in CLOUDS),
        ("azure", {"BOATYARD_VAULT": ""}, "BOATYARD_RUNNER is inline, so BOATYARD_VAULT is needed"),
    ],
)
def test_a_mistake_is_named(cloud: str, variables: dict[str, str], words: str) -> None:
    others = dict.fromkeys(OF_BUILD_SERVICE, "")
    for name in OF_BUILD_SERVICE:  # in each row one of them is missing, so the others have to be there
        if f"so {name} " not in words:
            others[name] = CLOUDS[cloud][1].get(name, "")
    with pytest.raises(BoatyardError) as refused:
        _ = inline(cloud, **{**others, **variables}).configuration
    assert refused.value.code == "INVALID_SPEC" and words in refused.value.detail


@pytest.mark.parametrize("cloud", CLOUDS)
def test_another_runner_beside_none_is_a_mistake(cloud: str) -> None:
    with pytest.raises(BoatyardError, match="BOATYARD_INLINE_OTHER is for the runner inline"):
        _ = parts(cloud, BOATYARD_INLINE_OTHER=CLOUDS[cloud][1]["BOATYARD_RUNNER"]).configuration
