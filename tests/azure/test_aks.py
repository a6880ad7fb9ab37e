"""An AKS cluster's address out of the kubeconfig that Azure gives."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.cluster import find_cluster
from boatyard_azure.rest import AzureRest
from boatyard_serverless.cluster import ClusterAddress
from tests.azure.resource_manager import GROUP, ResourceManager, known_fields, refusal
from tests.azure.tls import Asked, Given

CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/dataplane"
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
SERVER = "https://dataplane-abc.privatelink.westeurope.azmk8s.io:443"
EXEC = {"command": "kubelogin", "args": ["get-token"], "apiVersion": "client.authentication.k8s.io/v1beta1"}


def kubeconfig(**cluster: str) -> dict[str, Any]:
    entry = {"server": SERVER, "certificate-authority-data": CA, **cluster}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dataplane", "cluster": entry}],
        "users": [{"name": "clusterUser", "user": {"exec": EXEC}}],
    }


def give(arm: ResourceManager, document: Any) -> None:
    from azure.mgmt.containerservice.models import CredentialResult, CredentialResults

    text = document if isinstance(document, str) else json.dumps(document)  # JSON is YAML
    result = {"name": "clusterUser", "value": base64.b64encode(text.encode()).decode()}
    assert set(result) <= known_fields(CredentialResult) and "kubeconfigs" in known_fields(CredentialResults)

    def answer(asked: Asked, _: object) -> Given:
        assert asked.query == {"api-version": "2025-05-01", "format": "exec"} and not asked.body
        return Given(200, {"kubeconfigs": [result]})

    arm.on("POST", CLUSTER + "/listClusterUserCredential", "2025-05-01", answer)


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
