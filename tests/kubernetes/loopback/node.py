"""Writes a pod's status as a scheduler and a kubelet do. `manual_node.py` and `kubelet.py` decide when."""

from typing import Any

from tests.kubernetes.loopback.events import Events
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.store import Object, Store

NODE = "loopback"


class Node:
    def __init__(self, store: Store, events: Events) -> None:
        self.store = store
        self.events = events

    def bind(self, pod: Object) -> None:
        def change(obj: Object) -> None:
            obj["spec"]["nodeName"] = NODE
            _condition(obj, self.store, "PodScheduled", "True")
            obj["status"]["startTime"] = self.store.time()
            for container in obj["spec"]["containers"]:
                set_state(obj, container, {"waiting": {"reason": "ContainerCreating"}})

        self._change(pod, change)

    def unschedulable(self, pod: Object, message: str) -> None:
        self._change(pod, lambda obj: _condition(obj, self.store, "PodScheduled", "False", "Unschedulable", message))
        self.events.tell(pod, "Warning", "FailedScheduling", message)

    def waiting(self, pod: Object, container: str, reason: str, message: str) -> None:
        self._state(pod, container, {"waiting": {"reason": reason, "message": message}})

    def running(self, pod: Object, container: str) -> None:
        def change(obj: Object) -> None:
            set_state(obj, _container(obj, container), {"running": {"startedAt": self.store.time()}})
            obj["status"]["phase"] = "Running"
            _condition(obj, self.store, "Ready", "True")

        self._change(pod, change)

    def terminated(self, pod: Object, container: str, code: int, *, reason: str = "", message: str = "") -> None:
        """The kubelet cuts a message to 4096 bytes. The pod's phase follows its main containers."""

        def change(obj: Object) -> None:
            status = next((s for s in _statuses(obj) if s["name"] == container), {})
            started = ((status.get("state") or {}).get("running") or {}).get("startedAt", self.store.time())
            end: dict[str, Any] = {
                "exitCode": code,
                "reason": reason or ("Completed" if code == 0 else "Error"),
                "startedAt": started,
                "finishedAt": self.store.time(),
                "containerID": "containerd://" + "0" * 64,
            }
            if message:
                end["message"] = message.encode()[:4096].decode("utf-8", "ignore")
            set_state(obj, _container(obj, container), {"terminated": end})
            main = [s["state"].get("terminated") for s in obj["status"].get("containerStatuses", ())]
            if all(main) and container in [c["name"] for c in obj["spec"]["containers"]]:
                obj["status"]["phase"] = "Succeeded" if all(end["exitCode"] == 0 for end in main) else "Failed"
                _condition(obj, self.store, "Ready", "False", "PodCompleted")

        self._change(pod, change)

    def restarted(self, pod: Object, container: str, end: dict[str, Any]) -> None:
        """Restarts a sidecar that ended: its end moves to lastState."""

        def change(obj: Object) -> None:
            set_state(
                obj, _container(obj, container), {"running": {"startedAt": self.store.time()}}, last={"terminated": end}
            )

        self._change(pod, change)

    def evict(self, pod: Object, message: str, *, reason: str = "Evicted", by: str = "TerminationByKubelet") -> None:
        """Node-pressure eviction: the pod stays, Failed, with the disruption as a condition."""

        def change(obj: Object) -> None:
            obj["status"].update(phase="Failed", reason=reason, message=message)
            _condition(obj, self.store, "DisruptionTarget", "True", by, message)
            for container in obj["spec"]["containers"]:
                if any(s["name"] == container["name"] and "running" in s["state"] for s in _statuses(obj)):
                    end = {"exitCode": 137, "reason": "Error", "finishedAt": self.store.time()}
                    set_state(obj, container, {"terminated": end})

        self._change(pod, change)

    def gone(self, pod: Object) -> None:
        self.store.remove(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _state(self, pod: Object, container: str, state: dict[str, Any]) -> None:
        self._change(pod, lambda obj: set_state(obj, _container(obj, container), state))

    def _change(self, pod: Object, change: Any) -> None:
        self.store.change(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], change)


def set_state(
    pod: Object, container: dict[str, Any], state: dict[str, Any], last: dict[str, Any] | None = None
) -> None:
    """Sets every field of a ContainerStatus, because decoders require all of them."""
    inits = [c["name"] for c in pod["spec"].get("initContainers") or ()]
    field = "initContainerStatuses" if container["name"] in inits else "containerStatuses"
    statuses = pod["status"].setdefault(field, [])
    found = next((s for s in statuses if s["name"] == container["name"]), None)
    if found is None:
        found = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
        statuses.append(found)
    found.update(state=state, ready="running" in state, started="running" in state)
    found["lastState"] = last or found.get("lastState") or {}
    if last:
        found["restartCount"] += 1


def _statuses(pod: Object) -> list[dict[str, Any]]:
    return [*pod["status"].get("containerStatuses", ()), *pod["status"].get("initContainerStatuses", ())]


def _container(pod: Object, name: str) -> dict[str, Any]:
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    return next(container for container in containers if container["name"] == name)


def _condition(pod: Object, store: Store, kind: str, status: str, reason: str = "", message: str = "") -> None:
    conditions = pod["status"].setdefault("conditions", [])
    new = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": store.time()}
    new |= {name: value for name, value in (("reason", reason), ("message", message)) if value}
    conditions[:] = [c for c in conditions if c["type"] != kind] + [new]
