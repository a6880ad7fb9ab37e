"""An AKS cluster's address out of the kubeconfig that Azure gives."""

import base64
import json
import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from boatyard.errors import BoatyardError
from boatyard_azure.cluster import find_cluster
from boatyard_azure.rest import AzureRest
from boatyard_azure.wiring import Parts
from boatyard_kubernetes import KubernetesJobRunner
from boatyard_kubernetes.access import function_access
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.cluster import ClusterAddress
from tests.azure.entra import Entra
from tests.azure.resource_manager import GROUP, ResourceManager, known_fields, refusal
from tests.azure.tls import Asked, Given
from tests.kubernetes.loopback.rbac import User, service_account
from tests.kubernetes.site import FUNCTION, HOME, settings
from tests.kubernetes.site import Site as Dataplane
from tests.local.jobs import job, tag

CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/dataplane"
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
SERVER = "https://dataplane-abc.privatelink.westeurope.azmk8s.io:443"
VARIABLES = {
    "BOATYARD_STORAGE_ACCOUNT": "devstoreaccount1",
    "BOATYARD_BUCKET": "boatyard",
    "BOATYARD_DEPLOYMENT_KEY": "https://keys.vault.azure.net/secrets/key",
    "BOATYARD_RUNNER": "kubernetes",
    "BOATYARD_DEFAULT_REPOSITORY": "boatyardtest.azurecr.io/images",
    "BOATYARD_INVOKERS_CHECKED": "true",
}
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


CLUSTERS = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application that every AKS cluster with Entra ID is, as far as tokens go."""


class TestInTheCluster:
    """A build becomes a Job in a cluster over TLS that knows Entra ID's tokens, as AKS does."""

    @pytest.fixture
    def dataplane(self, entra: Entra, arm: ResourceManager) -> Iterator[Dataplane]:
        def user(token: str) -> User | None:
            own = made.cluster.users.get(token)
            return own or (service_account(HOME, FUNCTION) if entra.knows(token, CLUSTERS) else None)

        made = Dataplane(settings())
        made.cluster.server.users = user
        made.cluster.namespace("ml-dev")
        subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
        access = [obj.to_dict() for obj in function_access(settings(), subject, ["ml-dev"])]
        made.cluster.apply(*(obj for obj in access if obj["metadata"].get("namespace") == "ml-dev"))
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        port = made.cluster.server.serve_tls(context)
        data = base64.b64encode(authority.cert_pem.bytes()).decode()
        give(arm, kubeconfig(**{"server": f"https://127.0.0.1:{port}", "certificate-authority-data": data}))
        yield made
        made.close()

    def runner(self) -> KubernetesJobRunner:
        parts = Parts({**os.environ, **VARIABLES, "BOATYARD_CLUSTER": CLUSTER})
        return KubernetesJobRunner(parts.make_cluster(), settings(), SystemClock())

    def test_equal_requests_are_one_job(self, dataplane: Dataplane) -> None:
        asked = [self.runner().ensure(job(), tag(), force=False) for _ in range(2)]
        (found,) = dataplane.cluster.objects("Job")
        assert [each.joined for each in asked] == [False, True] and asked[0].build.id in found["metadata"]["name"]

    def test_a_token_that_the_cluster_does_not_know_is_not_let_in(self, dataplane: Dataplane) -> None:
        dataplane.cluster.server.users = lambda token: None
        error = refused(lambda: self.runner().ensure(job(), tag(), force=False))
        assert error.code == "DATAPLANE_DENIED" and not dataplane.cluster.objects("Job")
