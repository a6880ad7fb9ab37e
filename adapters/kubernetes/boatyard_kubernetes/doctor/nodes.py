"""Recognizes nodes of platforms on which rootless BuildKit cannot run, whatever a pod requests."""

from collections.abc import Collection
from typing import Final, NamedTuple

from lightkube.resources.core_v1 import Node

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, Level, fail, ok, warn
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.platform import AUTOPILOT, of_node
from boatyard_kubernetes.doctor.refusal import not_seen

_CHECK: Final = "nodes"
_OWN_GROUP: Final = (
    "Give builds a node group of another image (kubernetes.nodeSelector, .tolerations), or raise "
    "user.max_user_namespaces on the nodes (Bottlerocket: settings.kernel.sysctl; Auto Mode does not let it be raised)."
)
_TRY: Final = (
    "Let the doctor run a pod like buildkitd's there: it needs kubernetes.builderImage and a namespace that admits it. "
    "If that pod fails, give builds Standard node pools, or a buildkitUri elsewhere."
)
_AUTO: Final = "EKS Auto Mode"
_BOTTLEROCKET: Final = "Bottlerocket"
_WITHOUT: Final = frozenset({_AUTO, _BOTTLEROCKET})
"""Without user namespaces."""


class NodesFound(NamedTuple):
    finding: Finding
    kinds: str = ""
    """`3 Bottlerocket, 1 other`; empty where none was seen."""
    nodes: tuple[Node, ...] = ()


def check_nodes(cluster: Cluster, node_selector: dict[str, str]) -> NodesFound:
    """Facts from the platforms' documents: Bottlerocket and EKS Auto Mode (which runs it) start with
    user.max_user_namespaces=0. GKE Autopilot refuses privileged containers, added capabilities and writable host paths
    (WorkloadAllowlist's `exemptions` list its constraints). Rootless BuildKit needs none of them, and was tested there
    (moby/buildkit#3097); others saw it fail (moby/buildkit#3217). So only a pod can show it."""
    try:
        nodes = cluster.find(Node, None, labels=",".join(f"{k}={v}" for k, v in sorted(node_selector.items())))
    except BoatyardError as error:
        return NodesFound(not_seen(_CHECK, error))
    if not nodes:
        text = "no node fits kubernetes.nodeSelector now" if node_selector else "there is no node now"
        return NodesFound(warn(_CHECK, text, "That is right if nodes come when they are needed."))
    names: dict[str, int] = {}
    for node in nodes:
        kind = _kind(node)
        names[kind] = names.get(kind, 0) + 1
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(names.items()))
    return NodesFound(_judge(names, kinds, len(nodes)), kinds, tuple(nodes))


def _judge(names: Collection[str], kinds: str, count: int) -> Finding:
    if not _WITHOUT & set(names):
        if AUTOPILOT in names:
            return warn(_CHECK, f"{kinds}: they take no privileged pods, and rootless BuildKit was not tried", _TRY)
        return ok(_CHECK, f"{count} of ordinary images")
    if set(names) <= _WITHOUT:
        return fail(_CHECK, f"{kinds}: no user namespaces (user.max_user_namespaces=0)", _OWN_GROUP)
    return warn(_CHECK, f"{kinds}: not all of them can run rootless BuildKit", _OWN_GROUP)


def with_probe(nodes: NodesFound, sandbox: list[Finding]) -> Finding:
    """The finding about nodes; a pod's result takes precedence over the known limits of their kind."""
    if not sandbox or any(finding.status in (Level.FAIL, Level.UNKNOWN) for finding in sandbox):
        return nodes.finding
    if nodes.finding.advice == _TRY:
        return ok(_CHECK, f"{nodes.kinds}: rootless BuildKit needs nothing that they refuse")
    if nodes.finding.status is not Level.FAIL:
        return nodes.finding
    return warn(
        _CHECK,
        f"{nodes.kinds}: such nodes start without what rootless BuildKit needs, but the one that was tried has it",
        "See that all nodes of builds are set up like it.",
    )


def _kind(node: Node) -> str:
    labels = (node.metadata and node.metadata.labels) or {}
    image = (node.status.nodeInfo.osImage if node.status and node.status.nodeInfo else "") or ""
    if labels.get("eks.amazonaws.com/compute-type") == "auto":
        return _AUTO
    if "bottlerocket" in image.lower():
        return _BOTTLEROCKET
    return AUTOPILOT if of_node(node) == AUTOPILOT else "other"
