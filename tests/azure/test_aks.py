"""An AKS cluster's address out of the kubeconfig that Azure gives."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.cluster import find_cluster
from boatyard_azure.rest import AzureRest
from boatyard_azure.wiring import Parts
from boatyard_kubernetes import KubernetesJobRunner
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.cluster import ClusterAddress
from tests.azure.aks import CA, CLUSTER, SERVER, AksCluster, give, kubeconfig
from tests.azure.entra import Entra
from tests.azure.resource_manager import ResourceManager, refusal
from tests.kubernetes.site import settings
from tests.local.jobs import job, tag

VARIABLES = {
    "BOATYARD_STORAGE_ACCOUNT": "devstoreaccount1",
    "BOATYARD_BUCKET": "boatyard",
    "BOATYARD_DEPLOYMENT_KEY": "https://keys.vault.azure.net/secrets/key",
    "BOATYARD_RUNNER": "kubernetes",
    "BOATYARD_DEFAULT_REPOSITORY": "boatyardtest.azurecr.io/images",
    "BOATYARD_INVOKERS_CHECKED": "true",
}


def refused(call: Callable[[], object]) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        call()
    return error.value


def test_the_address_and_ca_are_those_of_the_kubeconfig(rest: AzureRest, arm: ResourceManager) -> None:
    give(arm, kubeconfig())
    assert find_cluster(AzureRest(sleep=lambda _: None), CLUSTER) == ClusterAddress(SERVER, CA)


@pytest.mark.parametrize(
    "document",
    [
        kubeconfig(server="http://dataplane.example"),
        kubeconfig(server="https://dataplane.example/path"),
        kubeconfig(server="https://user@dataplane.example"),
        kubeconfig(**{"certificate-authority-data": "***"}),
        {"clusters": []},
        [],
        "!!python/object/apply:os.system ['touch /tmp/never']",
        "a: [1",
        "\x00",
    ],
)
def test_a_kubeconfig_that_is_none_is_refused(arm: ResourceManager, document: Any) -> None:
    give(arm, document)
    error = refused(lambda: find_cluster(AzureRest(sleep=lambda _: None), CLUSTER))
    assert error.code == "DATAPLANE_UNAVAILABLE" and "no usable kubeconfig" in error.detail


def test_a_missing_cluster_is_not_a_retry(arm: ResourceManager) -> None:
    error = refused(lambda: find_cluster(AzureRest(sleep=lambda _: None), CLUSTER))
    assert error.code == "DATAPLANE_DENIED" and "there is no AKS cluster" in error.detail


def test_a_missing_role_is_named(arm: ResourceManager) -> None:
    arm.fail("listClusterUserCredential", refusal(403, "AuthorizationFailed"))
    error = refused(lambda: find_cluster(AzureRest(sleep=lambda _: None), CLUSTER))
    assert error.code == "DATAPLANE_DENIED"
    assert f'--role "Azure Kubernetes Service Cluster User Role" --scope {CLUSTER}' in error.detail


@pytest.mark.parametrize("name", ["dataplane", CLUSTER + "/x", CLUSTER + "?a", "/subscriptions/s/resourceGroups/g", ""])
def test_only_a_resource_id_names_a_cluster(rest: AzureRest, name: str) -> None:
    assert refused(lambda: find_cluster(rest, name)).code == "INVALID_SPEC"


class TestInTheCluster:
    """A build becomes a Job in a cluster over TLS that knows Entra ID's tokens, as AKS does."""

    @pytest.fixture
    def dataplane(self, entra: Entra, arm: ResourceManager) -> Iterator[AksCluster]:
        made = AksCluster(settings(), entra)
        give(arm, kubeconfig(**made.address))
        yield made
        made.close()

    def runner(self) -> KubernetesJobRunner:
        parts = Parts({**os.environ, **VARIABLES, "BOATYARD_CLUSTER": CLUSTER})
        return KubernetesJobRunner(parts.make_cluster(), settings(), SystemClock())

    def test_equal_requests_are_one_job(self, dataplane: AksCluster) -> None:
        asked = [self.runner().ensure(job(), tag(), force=False) for _ in range(2)]
        (found,) = dataplane.cluster.objects("Job")
        assert [each.joined for each in asked] == [False, True] and asked[0].build.id in found["metadata"]["name"]

    def test_a_token_that_the_cluster_does_not_know_is_not_let_in(self, dataplane: AksCluster) -> None:
        dataplane.cluster.server.users = lambda token: None
        error = refused(lambda: self.runner().ensure(job(), tag(), force=False))
        assert error.code == "DATAPLANE_DENIED" and not dataplane.cluster.objects("Job")
