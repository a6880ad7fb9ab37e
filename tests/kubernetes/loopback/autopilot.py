"""Imitates what GKE Autopilot does to a pod that is created.

docs.cloud.google.com/kubernetes-engine/docs/concepts/autopilot-security and …/autopilot-resource-requests: its
admission webhook (GKE Warden) refuses privileges and node selectors, gives each container a disk, and makes requests
the limits. The constraints' names are those of WorkloadAllowlist's `exemptions`.
"""

from typing import Any

from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object

_WEBHOOK = "warden-validating.common-webhooks.networking.gke.io"
_DISK = "1Gi"
_MOST_CPU = 30
METADATA_SERVER = "iam.gke.io/gke-metadata-server-enabled"


def admit(pod: Object) -> None:
    """Nodes that do not burst."""
    containers: list[dict[str, Any]] = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    for container in containers:
        if (container.get("securityContext") or {}).get("privileged"):
            _refuse(
                "autogke-disallow-privilege", f"container {container['name']} is privileged; not allowed in Autopilot"
            )
    if any("hostPath" in volume for volume in pod["spec"].get("volumes") or ()):
        _refuse("autogke-no-write-mode-hostpath", "hostPath volume is accessed in write mode; disallowed in Autopilot")
    if METADATA_SERVER in (pod["spec"].get("nodeSelector") or {}):
        _refuse("autogke-node-affinity-selector-limitation", f"Auto GKE disallows use of {METADATA_SERVER}")
    for container in containers:
        requests = container.setdefault("resources", {}).get("requests") or {}
        if requests.get("cpu", "0").isdigit() and int(requests.get("cpu", "0")) > _MOST_CPU:
            name = pod["metadata"]["name"]
            words = f"workload '{name}' cpu requests '{requests['cpu']}' is higher than the Autopilot maximum of '30'"
            _refuse("autogke-pod-limit-constraints", words)
        given = {"cpu": "500m", "memory": "2Gi", "ephemeral-storage": _DISK, **requests}
        container["resources"] = {"requests": given, "limits": dict(given)}
    pod["metadata"].setdefault("annotations", {}).update(
        {"autopilot.gke.io/resource-adjustment": '{"modified":true}', "autopilot.gke.io/warden-version": "3.0.42"}
    )


def _refuse(constraint: str, words: str) -> None:
    raise Refused(
        400,
        f'admission webhook "{_WEBHOOK}" denied the request: GKE Warden rejected the request because it violates one '
        f'or more constraints.\nViolations details: {{"[denied by {constraint}]":["{words}"]}}',
    )
