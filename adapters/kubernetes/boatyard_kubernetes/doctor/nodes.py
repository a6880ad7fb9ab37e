"""What the nodes are known for: platforms on which rootless BuildKit cannot run, whatever a pod asks for."""

from typing import Final

from lightkube.resources.core_v1 import Node

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, Level, fail, ok, warn
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import not_seen

_CHECK: Final = "nodes"
_OWN_GROUP: Final = (
    "Give builds a node group of another image (kubernetes.nodeSelector, .tolerations), or raise "
    "user.max_user_namespaces on the nodes (Bottlerocket: settings.kernel.sysctl; Auto Mode does not let it be raised)."
)


def check_nodes(cluster: Cluster, node_selector: dict[str, str]) -> Finding:
    """Facts from the platforms' documents: Bottlerocket and EKS Auto Mode (which runs it) start with
    user.max_user_namespaces=0; GKE Autopilot takes no Unconfined and no privileged pods."""
    try:
        nodes = cluster.find(Node, None, labels=",".join(f"{k}={v}" for k, v in sorted(node_selector.items())))
    except BoatyardError as error:
        return not_seen(_CHECK, error)
    if not nodes:
        text = "no node fits kubernetes.nodeSelector now" if node_selector else "there is no node now"
        return warn(_CHECK, text, "That is right if nodes come when they are needed.")
    names: dict[str, int] = {}
    for node in nodes:
        kind = _kind(node)
        names[kind] = names.get(kind, 0) + 1
    text = ", ".join(f"{count} {kind}" for kind, count in sorted(names.items()))
    if set(names) == {"GKE Autopilot"}:
        advice = "Autopilot rejects such pods: give builds a cluster with Standard node pools."
        return fail(_CHECK, text, advice)
    if "other" not in names:
        return fail(_CHECK, f"{text}: no user namespaces (user.max_user_namespaces=0)", _OWN_GROUP)
    if len(names) > 1:
        return warn(_CHECK, f"{text}: not all of them can run rootless BuildKit", _OWN_GROUP)
    return ok(_CHECK, f"{len(nodes)} of ordinary images")


def with_probe(nodes: Finding, sandbox: list[Finding]) -> Finding:
    """What a pod found on one of the nodes counts over what nodes of their kind are known for."""
    if nodes.status is not Level.FAIL or not sandbox:
        return nodes
    if any(finding.status in (Level.FAIL, Level.UNKNOWN) for finding in sandbox):
        return nodes
    kinds = nodes.detail.partition(":")[0]
    return warn(
        _CHECK,
        f"{kinds}: such nodes start without what rootless BuildKit needs, but the one that was tried has it",
        "See that all nodes of builds are set up like it.",
    )


def _kind(node: Node) -> str:
    labels = (node.metadata and node.metadata.labels) or {}
    name = (node.metadata and node.metadata.name) or ""
    image = (node.status.nodeInfo.osImage if node.status and node.status.nodeInfo else "") or ""
    if labels.get("eks.amazonaws.com/compute-type") == "auto":
        return "EKS Auto Mode"
    if "bottlerocket" in image.lower():
        return "Bottlerocket"
    if name.startswith("gk3-"):
        return "GKE Autopilot"
    return "other"
