"""Computes the current state of a Job's build. Only reads from the cluster."""

import msgspec
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Event, Pod

from boatyard import lifecycle
from boatyard.build import Build, State, Step
from boatyard.errors import BoatyardError
from boatyard_kubernetes import waiting
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.end_facts import DONE, FAILED, result_of
from boatyard_kubernetes.ending import conclude
from boatyard_kubernetes.facts import (
    condition,
    created,
    has_started,
    is_going,
    is_suspended,
    name_of,
    namespace_of,
    released,
    running_since,
    scheduled,
    seconds,
    terminated,
)
from boatyard_kubernetes.pod_log import read_tail
from boatyard_kubernetes.stdout import TAIL_LINES, last_progress
from boatyard_kubernetes.stopping import stopped_of
from boatyard_kubernetes.waiting import Why

_PATIENCE_SECONDS = 3.0
"""Seconds without a pod, or without news from a pod, before events are read for the reason."""


class Sight(msgspec.Struct, frozen=True):
    build: Build
    fresh: bool = False
    """True if the build was just found to have ended, and the Job does not have the result yet."""
    waits_since: float | None = None
    """Start of its wait for a node, an image or admission, if it waits."""
    stuck_since: float = 0.0
    """Time since which it lacks only what `why` names."""
    why: Why = Why()
    """What it waits for, if known."""


def look(cluster: Cluster, job: Job, build: Build, pods: list[Pod], *, now: float, closely: bool = True) -> Sight:
    """`build` is the Job's record. `closely` also reads a log for progress and events for what is wrong."""
    if build.state.ended:
        return Sight(build)
    stopped = stopped_of(job)
    started = min((since for pod in pods if (since := _started(pod)) is not None), default=None)
    if started is not None:
        build = lifecycle.running(build, now=max(min(started, now), build.created_at))
    ended = condition(job, *DONE, *FAILED) is not None or (bool(pods) and terminated(pods[-1]) is not None)
    if (ended and not (pods and result_of(pods[-1]))) or (closely and _runs(pods)):
        build = _with_progress(cluster, build, pods)
    if ended and (end := conclude(build, job, pods, stopped, now=now)) is not None:
        return Sight(end, fresh=True)
    if stopped is not None and not _runs(pods):
        return Sight(lifecycle.ended(build, stopped.ending, now=now))
    if is_going(job):
        return Sight(lifecycle.ended(build, lifecycle.lost("its Job is being deleted"), now=now))
    if _runs(pods):
        return Sight(build)
    return _queued(cluster, job, build, pods, now=now, closely=closely)


def _queued(cluster: Cluster, job: Job, build: Build, pods: list[Pod], *, now: float, closely: bool) -> Sight:
    """The state of a build that waits for its first pod, or for the next one after an eviction."""
    build = msgspec.structs.replace(build, state=State.QUEUED, phase=None, step=None)
    if is_suspended(job):
        return Sight(build)
    waits = [pod for pod in pods if not has_started(pod) and not is_going(pod)]
    since = (created(waits[-1]) if waits else released(job)) or build.created_at
    why = waiting.why_waiting(waits[-1]) if waits else Why()
    if not why.text and closely and now - since > _PATIENCE_SECONDS:
        events = _events(cluster, waits[-1] if waits else job)
        template = job.spec.template.spec if job.spec else None
        why = waiting.why_not_started(events, waits[-1]) if waits else waiting.why_no_pod(events, template)
    step = Step(number=0, total=0, title=f"waiting: {why.text}") if why.text else None
    # Between one pod's end and the next pod, or the Job's end, only the Job's deadline applies.
    waits_since = since if waits or not pods else None
    stuck_since = max(since, scheduled(waits[-1]) or since) if waits else since
    build = msgspec.structs.replace(build, step=step)
    return Sight(build, waits_since=waits_since, stuck_since=stuck_since, why=why)


def _events(cluster: Cluster, about: Job | Pod) -> list[Event]:
    """Events, or none without the right to list them: they only explain."""
    try:
        return cluster.find(Event, namespace_of(about), fields=f"involvedObject.name={name_of(about)},type=Warning")
    except BoatyardError:
        return []


def _with_progress(cluster: Cluster, build: Build, pods: list[Pod]) -> Build:
    pod = next((pod for pod in reversed(pods) if has_started(pod)), None)
    if pod is None:
        return build
    progress = last_progress(read_tail(cluster, pod, TAIL_LINES))
    return lifecycle.progressed(build, progress) if progress else build


def _runs(pods: list[Pod]) -> bool:
    return any(running_since(pod) is not None for pod in pods)


def _started(pod: Pod) -> float | None:
    end = terminated(pod)
    return running_since(pod) if end is None else seconds(end.startedAt)
