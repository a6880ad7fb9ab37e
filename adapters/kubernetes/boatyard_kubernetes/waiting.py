"""Finds out why a build has not started, in the cluster's own words, and whether waiting can help."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from lightkube.models.core_v1 import ContainerStatus, PodSpec
from lightkube.resources.core_v1 import Event, Pod

from boatyard_kubernetes.advice import advice
from boatyard_kubernetes.facts import containers, how_it_ended, name_of, pod_condition

_ORDINARY: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
_IMAGE: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
_NEVER: Final = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_PASSES: Final = ("exceeded quota", "object is being deleted", "try again", "timed out")
"""Refusals of a pod that may pass."""
_MISSING: Final = ('" not found', "references non-existent")
"""Refusals of a mount whose object is missing."""
_RESTARTS: Final = 3
_LONGEST: Final = 400


class Why(NamedTuple):
    text: str = ""
    """Empty without a problem."""
    patience: float | None = None
    """Seconds during which the problem may pass, because somebody may be about to fix it; None: as long as a build may
    wait at all. After that, the cluster has to be changed."""
    pull: str = ""
    """The kubelet's reason, such as ErrImagePull, if the image cannot be pulled."""


SOON: Final = 120.0
"""For a Secret that is created right after its pod, an image that is being pushed, a short failure of a registry."""


def why_waiting(pod: Pod) -> Why:
    for container in containers(pod):
        waiting = container.state.waiting if container.state else None
        if waiting and (waiting.reason or "") not in _ORDINARY:
            return _of_container(container, waiting.reason or "", waiting.message or "")
    if unscheduled := pod_condition(pod, "PodScheduled", "False"):
        reason, message = unscheduled
        return Why(_short(f"no node takes it: {message or reason}"))
    if pod.status and pod.status.phase == "Pending" and pod.status.message:
        return Why(_short(pod.status.message))
    return Why()


def why_no_pod(events: Iterable[Event], pod: PodSpec | None) -> Why:
    """The reason in the Job's events: admission refuses pods when the Job controller creates them, not when the Job is
    created. `pod` is the Job's template."""
    for event in sorted(events, key=_last, reverse=True):
        if event.reason == "FailedCreate" and event.message:
            hint = advice(event.message, pod)
            text = _short(event.message) + (f"; {hint}" if hint else "")
            return Why(text, None if any(words in event.message for words in _PASSES) else SOON)
    return Why()


def why_not_started(events: Iterable[Event], pod: Pod) -> Why:
    """The reason in a pod's events: the kubelet cannot mount something, such as a missing Secret, or the buildkitd
    beside the job does not answer its probe."""
    for event in sorted(events, key=_last, reverse=True):
        if event.involvedObject.name != name_of(pod):
            continue
        if event.reason in ("FailedMount", "FailedAttachVolume"):
            text = _short(event.message or "")
            return Why(text, SOON if any(words in text for words in _MISSING) else None)
        if event.reason == "Unhealthy":
            return Why(_short(f"buildkitd beside the job does not answer yet: {event.message or 'no reason given'}"))
    return Why()


def _of_container(container: ContainerStatus, reason: str, message: str) -> Why:
    if reason in _IMAGE:
        text = f"the image {container.image} cannot be pulled ({reason}): {message or 'no reason given'}"
        return Why(_short(text), 0 if reason in _NEVER else SOON, pull=reason)
    last = container.lastState.terminated if container.lastState else None
    if last is not None:
        # For a crashing buildkitd beside the job, its last output says more than the kubelet's back-off message.
        crashes = container.restartCount >= _RESTARTS
        return Why(_short(f"{container.name} crashes ({reason}): it {how_it_ended(last)}"), SOON if crashes else None)
    text = f"the container {container.name} cannot start ({reason}): {message or 'no reason given'}"
    return Why(_short(text), SOON)


def _last(event: Event) -> float:
    time = event.lastTimestamp or event.eventTime or event.firstTimestamp
    return time.timestamp() if time else 0.0


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
