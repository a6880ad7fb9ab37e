"""Connects to a GKE cluster without a kubeconfig: the address is from the GKE API, the token is the function's access
token.

The DNS endpoint is preferred: it is reachable from anywhere that IAM allows, also for private clusters, and its
certificate is publicly trusted (https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation). The
function's service account needs container.clusters.get (roles/container.clusterViewer) and, for that endpoint,
container.clusters.connect. Roles in the cluster, bound to the account's e-mail, grant what it may do there.
"""

from typing import Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.cluster import ClusterAddress
from boatyard_serverless.rest import segment

_ROLE: Final = "roles/container.clusterViewer"
_NOT_FOUND: Final = 404
_FIELDS: Final = "status,endpoint,masterAuth.clusterCaCertificate,controlPlaneEndpointsConfig"


class _Auth(msgspec.Struct, frozen=True):
    ca: str = msgspec.field(name="clusterCaCertificate", default="")


class _DnsEndpoint(msgspec.Struct, frozen=True, rename="camel"):
    endpoint: str = ""
    allow_external_traffic: bool = False


class _IpEndpoints(msgspec.Struct, frozen=True, rename="camel"):
    enabled: bool = True


class _Endpoints(msgspec.Struct, frozen=True):
    dns: _DnsEndpoint = msgspec.field(name="dnsEndpointConfig", default=_DnsEndpoint())
    ip: _IpEndpoints = msgspec.field(name="ipEndpointsConfig", default=_IpEndpoints())


class _Cluster(msgspec.Struct, frozen=True):
    """https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters"""

    status: str = "STATUS_UNSPECIFIED"
    endpoint: str = ""
    auth: _Auth = msgspec.field(name="masterAuth", default=_Auth())
    endpoints: _Endpoints = msgspec.field(name="controlPlaneEndpointsConfig", default=_Endpoints())


def find_cluster(rest: GoogleRest, name: str) -> ClusterAddress:
    """`name`: `projects/<project>/locations/<location>/clusters/<name>`.

    Raises DATAPLANE_UNAVAILABLE while it is being created or has no address, DATAPLANE_DENIED if it does not exist or
    is not visible.
    """
    project = name.split("/")[1]
    call = GoogleCall(
        api="container",
        method="GET",
        path="/v1/" + "/".join(segment(part) for part in name.split("/")),
        query={"fields": _FIELDS},
        answers=frozenset({_NOT_FOUND}),
        need=NeededRole(
            permission="container.clusters.get",
            resource=f"cluster {name}",
            role=_ROLE,
            grant=f"gcloud projects add-iam-policy-binding {project}",
        ),
    )
    reply = rest.send(call)
    if reply.status == _NOT_FOUND:
        raise BoatyardError(Code.DATAPLANE_DENIED, f"there is no GKE cluster {name}")
    return _address(name, rest.decode(call, reply, _Cluster))


def _address(name: str, cluster: _Cluster) -> ClusterAddress:
    dns, ip = cluster.endpoints.dns, cluster.endpoints.ip
    if dns.endpoint and dns.allow_external_traffic:
        return ClusterAddress(f"https://{dns.endpoint}", "")
    if cluster.endpoint and cluster.auth.ca and ip.enabled:
        return ClusterAddress(f"https://{cluster.endpoint}", cluster.auth.ca)
    if cluster.status in ("RUNNING", "RECONCILING", "DEGRADED"):
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"the GKE cluster {name} has no reachable endpoint: gcloud container clusters update "
            f"{name.rpartition('/')[2]} --enable-dns-access",
        )
    raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the GKE cluster {name} is {cluster.status}")
