"""Reports limits that the cluster sets or lowers when it admits a pod: GKE Autopilot, a LimitRange, a webhook.

Autopilot gives a container that names no disk 1Gi of it, and, where its nodes do not burst, makes each request the
limit (docs.cloud.google.com/kubernetes-engine/docs/concepts/autopilot-resource-requests). A build then ends as out of
memory, or its pod is evicted, although nothing in the settings says so.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from lightkube.models.core_v1 import Container, PodSpec, ResourceRequirements

from boatyard.finding import Finding, ok, warn
from boatyard_kubernetes.doctor.platform import AUTOPILOT
from boatyard_kubernetes.pod import CONTAINER, DAEMON
from boatyard_kubernetes.quantity import amount
from boatyard_kubernetes.topology import Topology

_CHECK: Final = "resources"
_DISK: Final = "ephemeral-storage"
_SETTINGS: Final = {CONTAINER: "kubernetes.jobRequests", DAEMON: "kubernetes.requests"}
_MOST: Final = " (at most 10Gi of ephemeral-storage there)"


def check_resources(asked: PodSpec, admitted: PodSpec, topology: Topology, platform: str) -> Finding:
    """`asked` is a build's pod, or the managed buildkitd's; `admitted` is what the API server made of it."""
    before = {container.name: container for container in _containers(asked)}
    changed: dict[str, list[str]] = {}
    for container in _containers(admitted):
        if container.name in before:
            # The managed buildkitd's disk is a volume of its own.
            keeps_images = container.name == DAEMON and topology is Topology.DAEMONLESS
            found = list(_lowered(before[container.name].resources, container.resources, disk=keeps_images))
            if found:
                changed[container.name] = found
    if not changed:
        return ok(_CHECK, "pods get what the settings request")
    who = "GKE Autopilot" if platform == AUTOPILOT else "the cluster (a LimitRange or a webhook)"
    what = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in changed.items())
    settings = " and ".join(_SETTINGS.get(name, name) for name in changed)
    return warn(
        _CHECK,
        f"{who} limits what builds may use: {what}",
        f"Set {settings} to what a build needs{_MOST if platform == AUTOPILOT else ''}: less ends it half-way.",
    )


def _lowered(asked: ResourceRequirements | None, given: ResourceRequirements | None, *, disk: bool) -> Iterator[str]:
    limits, requests = _of(asked, "limits"), _of(asked, "requests")
    for name, text in sorted(_of(given, "limits").items()):
        value, wanted = amount(text), amount(limits.get(name, ""))
        if value is not None and wanted is not None and value < wanted:
            yield f"{name} {text} instead of {limits[name]}"
        elif disk and name == _DISK and name not in limits and name not in requests:
            yield f"{name} {text}, and the settings request none"


def _of(resources: ResourceRequirements | None, kind: str) -> Mapping[str, str]:
    return (resources and getattr(resources, kind)) or {}


def _containers(pod: PodSpec) -> list[Container]:
    return [*(pod.initContainers or ()), *pod.containers]
