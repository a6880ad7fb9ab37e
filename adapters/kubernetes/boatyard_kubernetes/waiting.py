"""Why a build does not run yet, in the cluster's own words."""

from collections.abc import Iterable
from typing import Final

from lightkube.models.core_v1 import ContainerStateWaiting
from lightkube.resources.core_v1 import Event, Pod

from boatyard_kubernetes.facts import containers, name_of, pod_condition
from boatyard_kubernetes.refusals import advice

_ORDINARY: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
_IMAGE: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
_LONGEST: Final = 400


def why_waiting(pod: Pod) -> str:
    """Empty while nothing is wrong."""
    for container in containers(pod):
        waiting = container.state.waiting if container.state else None
        if waiting and (waiting.reason or "") not in _ORDINARY:
            return _short(_of_container(waiting, container.image))
    if unscheduled := pod_condition(pod, "PodScheduled", "False"):
        reason, message = unscheduled
        return _short(f"no node takes it: {message or reason}")
    if pod.status and pod.status.phase == "Pending" and pod.status.message:
        return _short(pod.status.message)
    return ""


def why_no_pod(events: Iterable[Event]) -> str:
    """From the Job's events: admission refuses pods when the Job controller makes them, not when the Job is made."""
    for event in sorted(events, key=_last, reverse=True):
        if event.reason == "FailedCreate" and event.message:
            hint = advice(event.message)
            return _short(event.message) + (f"; {hint}" if hint else "")
    return ""


def why_not_mounted(events: Iterable[Event], pod: Pod) -> str:
    """From a pod's events: what the kubelet cannot mount, such as a Secret that is not there."""
    for event in sorted(events, key=_last, reverse=True):
        if event.involvedObject.name == name_of(pod) and event.reason in ("FailedMount", "FailedAttachVolume"):
            return _short(event.message or "")
    return ""


def _of_container(waiting: ContainerStateWaiting, image: str) -> str:
    if waiting.reason in _IMAGE:
        return f"the image {image} cannot be pulled ({waiting.reason}): {waiting.message or 'no reason given'}"
    return f"the container cannot start ({waiting.reason}): {waiting.message or 'no reason given'}"


def _last(event: Event) -> float:
    time = event.lastTimestamp or event.eventTime or event.firstTimestamp
    return time.timestamp() if time else 0.0


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
