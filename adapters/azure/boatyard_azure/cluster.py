"""An AKS cluster without a kubeconfig: its address and CA from Azure, and the function's own Entra token.

https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-user-credentials. Of a private cluster, the
address is its private name, which resolves in the function's virtual network. The function needs "Azure Kubernetes
Service Cluster User Role" on the cluster; what it may do in there, the cluster's own roles say.
"""

import base64
import re
from typing import Final

import msgspec
import yaml

from boatyard.decoding import Undecodable, convert
from boatyard.errors import BoatyardError, Code, invalid
from boatyard_azure.faults import NeededAzureRole
from boatyard_azure.rest import AzureCall, AzureRest
from boatyard_serverless.cluster import ClusterAddress
from boatyard_serverless.rest import segment

_API: Final = "2025-05-01"
_ID: Final = re.compile(
    r"/subscriptions/[0-9A-Za-z-]+/resourceGroups/[\w.()-]+/providers/Microsoft\.ContainerService/managedClusters/[\w-]+\Z",
    re.IGNORECASE,
)
_SERVER: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?\Z")
_NOT_FOUND: Final = 404
_LARGEST: Final = 256 * 1024


class _Credential(msgspec.Struct, frozen=True):
    value: str = ""


class _Credentials(msgspec.Struct, frozen=True):
    kubeconfigs: tuple[_Credential, ...] = ()


class _Entry(msgspec.Struct, frozen=True, rename="kebab"):
    server: str
    certificate_authority_data: str = ""


class _Named(msgspec.Struct, frozen=True):
    cluster: _Entry


class _Kubeconfig(msgspec.Struct, frozen=True):
    clusters: tuple[_Named, ...] = ()


def find_cluster(rest: AzureRest, cluster: str) -> ClusterAddress:
    """`cluster` is the resource's id. Raises INVALID_SPEC for anything else, DATAPLANE_DENIED if there is no such
    cluster or it may not be seen, DATAPLANE_UNAVAILABLE if its answer cannot be used."""
    if not _ID.match(cluster):
        raise invalid(f"{cluster[:200]!r} is not the resource id of an AKS cluster")
    path = "/".join(segment(part) for part in cluster.split("/"))
    call = AzureCall(
        method="POST",
        address=f"{rest.endpoints.management()}{path}/listClusterUserCredential",
        # `exec`: the user is a program (kubelogin), so the answer has no credentials in it.
        query={"api-version": _API, "format": "exec"},
        audience="management",
        need=NeededAzureRole(
            permission="Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
            resource=f"the cluster {cluster}",
            role="Azure Kubernetes Service Cluster User Role",
            scope=cluster,
        ),
        answers=frozenset({_NOT_FOUND}),
        limit=_LARGEST,
    )
    reply = rest.send(call)
    if reply.status == _NOT_FOUND:
        raise BoatyardError(Code.DATAPLANE_DENIED, f"there is no AKS cluster {cluster}")
    for found in rest.decode(call, reply, _Credentials).kubeconfigs:
        if address := _address(found.value):
            return address
    raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"Azure has no usable kubeconfig for the AKS cluster {cluster}")


def _address(kubeconfig: str) -> ClusterAddress | None:
    """Of a kubeconfig, only the address and the CA are used: never a program or a file that it names."""
    try:
        document = yaml.safe_load(base64.b64decode(kubeconfig, validate=True))
        entry = convert(document, _Kubeconfig).clusters[0].cluster
        base64.b64decode(entry.certificate_authority_data, validate=True)
    except (ValueError, yaml.YAMLError, Undecodable, IndexError, RecursionError):
        return None
    if not _SERVER.match(entry.server):
        return None
    return ClusterAddress(entry.server.rstrip("/"), entry.certificate_authority_data)
