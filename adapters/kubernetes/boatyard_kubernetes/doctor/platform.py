"""Recognizes the managed Kubernetes that a cluster is, from its nodes, its version and the pods that it admits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from lightkube.resources.core_v1 import Node, Pod

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, ok, warn
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import not_seen
from boatyard_kubernetes.refusals import Absent

AKS: Final = "AKS"
AUTOPILOT: Final = "GKE Autopilot"
EKS: Final = "EKS"
GKE: Final = "GKE"
_CHECK: Final = "platform"
_LABELS: Final = (
    ("eks.amazonaws.com/", EKS),  # nodegroup, compute-type
    ("cloud.google.com/gke-", GKE),  # gke-nodepool, gke-os-distribution
    ("kubernetes.azure.com/", AKS),  # cluster, agentpool, os-sku
)
"""Prefixes of labels that each platform gives its nodes."""
_VERSIONS: Final = (("-eks-", EKS), ("-gke.", GKE))
"""Parts of `gitVersion`: v1.33.1-eks-1fbb135, v1.33.5-gke.1080000. AKS's versions have none."""
_AUTOPILOT_NODE: Final = "gk3-"
"""Start of the names of Autopilot's nodes. Its labels are also on other nodes."""
_AUTOPILOT_POD: Final = "autopilot.gke.io/"
"""Annotations resource-adjustment and warden-version, which Autopilot adds to the pods that it admits: visible in a dry
run, before there is a node."""
_TYPES: Final = {AKS: "azure", AUTOPILOT: "google", EKS: "aws", GKE: "google"}
"""authenticationType of the platform's own identities."""


class ClusterPlatform(NamedTuple):
    name: str = ""
    """One of the constants above; empty for another, or an unknown one."""
    version: str = ""


def of_nodes(nodes: Iterable[Node]) -> str:
    names = {of_node(node) for node in nodes}
    return next((name for name in (AUTOPILOT, GKE, EKS, AKS) if name in names), "")


def of_node(node: Node) -> str:
    metadata = node.metadata
    found = _by_label((metadata and metadata.labels) or {})
    if ((metadata and metadata.name) or "").startswith(_AUTOPILOT_NODE):
        return AUTOPILOT
    return found


def _by_label(labels: Mapping[str, str]) -> str:
    return next((name for prefix, name in _LABELS if any(label.startswith(prefix) for label in labels)), "")


def of_pod(pod: Pod | None) -> str:
    """AUTOPILOT if it changed the pod when it admitted it."""
    annotations = (pod and pod.metadata and pod.metadata.annotations) or {}
    return AUTOPILOT if any(name.startswith(_AUTOPILOT_POD) for name in annotations) else ""


def of_version(version: str) -> str:
    return next((name for part, name in _VERSIONS if part in version), "")


def find_platform(
    cluster: Cluster, nodes: Sequence[Node], admitted: Iterable[Pod | None]
) -> tuple[ClusterPlatform, Finding | None]:
    """The platform, and why its version is not known. The most exact source takes precedence."""
    try:
        version, unseen = cluster.version(), None
    except (Absent, BoatyardError) as error:
        version = ""
        unseen = not_seen(_CHECK, error) if isinstance(error, BoatyardError) else None
    names = [*map(of_pod, admitted), of_nodes(nodes), of_version(version)]
    return ClusterPlatform(next(filter(None, names), ""), version), unseen


def check_platform(platform: ClusterPlatform, authentication_type: str, unseen: Finding | None) -> Finding:
    """Warns if builds would use another cloud's identities than the platform gives to pods."""
    name = " ".join(part for part in (platform.name or "Kubernetes", platform.version.removeprefix("v")) if part)
    if unseen and not platform.name:
        return unseen
    own = _TYPES.get(platform.name, "")
    if own and authentication_type in _TYPES.values() and authentication_type != own:
        return warn(
            _CHECK,
            f"{name}, whose pods have no identity for authenticationType {authentication_type}",
            f"Set authenticationType: {own} for its own registry, or see that pods get the other cloud's identity.",
        )
    return ok(_CHECK, name)
