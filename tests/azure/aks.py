"""AKS on loopback: the kubeconfig that Azure gives, and a cluster over TLS that knows Entra ID's tokens.

Its webhook is that of Azure Workload Identity
(https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html).
"""

import base64
import json
from functools import partial
from typing import Any

from azure.mgmt.containerservice.models import CredentialResult, CredentialResults

from boatyard.settings import Settings
from tests.azure.entra import TENANT, Entra
from tests.azure.resource_manager import GROUP, ResourceManager, known_fields
from tests.azure.tls import Asked, Given
from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.store import Object, Store
from tests.kubernetes.over_tls import ClusterOverTls

CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/dataplane"
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
SERVER = "https://dataplane-abc.privatelink.westeurope.azmk8s.io:443"
AUDIENCE = "api://AzureADTokenExchange"
"""Of the pod's token that Entra ID takes."""
_RESOURCE = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application that every AKS cluster with Entra ID is, as far as tokens go."""
_EXEC = {"command": "kubelogin", "args": ["get-token"], "apiVersion": "client.authentication.k8s.io/v1beta1"}
_LABEL = "azure.workload.identity/use"
_CLIENT = "azure.workload.identity/client-id"
_FOLDER = "/var/run/secrets/azure/tokens"
_FILE = "azure-identity-token"


def kubeconfig(**cluster: str) -> dict[str, Any]:
    entry = {"server": SERVER, "certificate-authority-data": CA, **cluster}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dataplane", "cluster": entry}],
        "users": [{"name": "clusterUser", "user": {"exec": _EXEC}}],
    }


def give(arm: ResourceManager, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)  # JSON is YAML
    result = {"name": "clusterUser", "value": base64.b64encode(text.encode()).decode()}
    assert set(result) <= known_fields(CredentialResult) and "kubeconfigs" in known_fields(CredentialResults)

    def answer(asked: Asked, _: object) -> Given:
        assert asked.query == {"api-version": "2025-05-01", "format": "exec"} and not asked.body
        return Given(200, {"kubeconfigs": [result]})

    arm.on("POST", CLUSTER + "/listClusterUserCredential", "2025-05-01", answer)


class AksCluster(ClusterOverTls):
    def __init__(self, settings: Settings, entra: Entra, **options: Any) -> None:
        super().__init__(settings, lambda token: entra.knows(token, _RESOURCE), **options)
        self.cluster.store.webhooks.append(partial(_give_identity, self.cluster.store, entra))

    @property
    def address(self) -> dict[str, str]:
        """For `kubeconfig`."""
        return {"server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": self.ca_data}

    def make_builder(self, client_id: str) -> None:
        """The builds' service account, as infra/terraform/azure makes it."""
        metadata = {"name": "builder", "namespace": "ml-dev", "annotations": {_CLIENT: client_id}}
        self.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def _give_identity(store: Store, entra: Entra, pod: Object) -> None:
    if (pod["metadata"].get("labels") or {}).get(_LABEL) != "true":
        return
    name = pod["spec"].get("serviceAccountName") or "default"
    account = store.get(BY_PATH["", "v1", "serviceaccounts"], pod["metadata"]["namespace"], name)
    values = {
        "AZURE_CLIENT_ID": (account["metadata"].get("annotations") or {}).get(_CLIENT, ""),
        "AZURE_TENANT_ID": TENANT,
        "AZURE_FEDERATED_TOKEN_FILE": f"{_FOLDER}/{_FILE}",
        "AZURE_AUTHORITY_HOST": f"{entra.url}/",
    }
    token = {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": 3600, "path": _FILE}}
    pod["spec"].setdefault("volumes", []).append({"name": _FILE, "projected": {"sources": [token]}})
    for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]:
        container.setdefault("env", []).extend({"name": key, "value": value} for key, value in values.items())
        container.setdefault("volumeMounts", []).append({"name": _FILE, "mountPath": _FOLDER, "readOnly": True})
