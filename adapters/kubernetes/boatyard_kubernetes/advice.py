"""Advice for refusals of admission plugins, quotas and webhooks: one line, or nothing if unknown."""

import re
from typing import Final

from lightkube.models.core_v1 import Container, PodSpec

from boatyard_kubernetes.pod import CONTAINER, DAEMON
from boatyard_kubernetes.quantity import amount

_SETTINGS: Final = {
    CONTAINER: "kubernetes.jobRequests and .jobLimits",
    DAEMON: "kubernetes.requests and .limits",
}
"""Container -> the settings that its resources come from."""
_RESOURCES: Final = re.compile(
    r"LimitRange|autogke-pod-limit-constraints"
    r"|limit to request ratio|usage per (?:Container|Pod)|must be less than or equal to (?:cpu|memory)"
)
_QUOTA: Final = re.compile(r"exceeded quota|must specify")
_NAMED: Final = re.compile(r"must specify \S+ for: ([\w,-]+)")
"""A quota's message names the containers (plugin/pkg/admission/resourcequota)."""
_PLACE: Final = re.compile(r"spec\.(containers|initContainers)\[(\d+)\]")
"""A pod's validation also names them."""
_VALUE: Final = re.compile(r"([\w./-]+) usage per Container is [\w.]+, but (limit|request) is ([\w.]+)")
"""A LimitRange's message only has the value (plugin/pkg/admission/limitranger)."""
_AUTOPILOT: Final = (
    # GKE Warden's names: docs.cloud.google.com/kubernetes-engine/docs/reference/crds/workloadallowlist, `exemptions`.
    (
        re.compile(r"autogke-node-affinity-selector-limitation|gke-metadata-server-enabled"),
        "take that label out of kubernetes.nodeSelector: GKE Autopilot chooses the nodes",
    ),
    (
        re.compile(r"GKE Warden|denied by autogke-"),
        "GKE Autopilot refuses that: let an administrator install a WorkloadAllowlist, or use Standard nodes or a "
        "buildkitUri elsewhere",
    ),
)
_RULES: Final = (
    (re.compile(r"PodSecurity"), "label the namespace for the level that the topology needs"),
    (
        re.compile(r"azurepolicy-"),
        "exempt the namespace in the assignment of that Azure Policy (its excludedNamespaces), or meet its rule",
    ),
    (re.compile(r"admission webhook"), "ask who runs that webhook for an exception, or meet its rule"),
    (re.compile(r"[Ss]ervice ?account .*not found"), "create it, or name another in kubernetes.serviceAccount"),
    (re.compile(r"privileged"), "that cluster takes no privileged pods: use a buildkitUri outside of it"),
)


def advice(message: str, pod: PodSpec | None = None) -> str:
    """The advice. The containers of `pod`, the refused one, decide which setting to name; without it, both are."""
    if _RULES[0][0].search(message):
        return _RULES[0][1]
    if _QUOTA.search(message):
        return f"raise the quota, or fit {_meant(message, pod)} to it"
    if _RESOURCES.search(message):
        return f"fit {_meant(message, pod)} to it"
    return next((text for pattern, text in (*_AUTOPILOT, *_RULES) if pattern.search(message)), "")


def _meant(message: str, pod: PodSpec | None) -> str:
    containers = _containers(pod)
    names = [c.name for c in containers if _blamed(message, c, pod)] or [c.name for c in containers]
    return ", and ".join(_SETTINGS[name] for name in _SETTINGS if name in names or not names)


def _blamed(message: str, container: Container, pod: PodSpec | None) -> bool:
    named = {name for found in _NAMED.finditer(message) for name in found[1].split(",")}
    placed = {(found[1], int(found[2])) for found in _PLACE.finditer(message)}
    if named or placed:
        return container.name in named or _place(container, pod) in placed
    resources = container.resources
    for resource, kind, value in _VALUE.findall(message):
        amounts = resources and (resources.limits if kind == "limit" else resources.requests)
        if amount((amounts or {}).get(resource, "")) == amount(value) is not None:
            return True
    return False


def _place(container: Container, pod: PodSpec | None) -> tuple[str, int]:
    for name, found in (("containers", pod and pod.containers), ("initContainers", pod and pod.initContainers)):
        for index, each in enumerate(found or ()):
            if each is container:
                return name, index
    return "", -1


def _containers(pod: PodSpec | None) -> list[Container]:
    return [*pod.containers, *(pod.initContainers or ())] if pod else []
