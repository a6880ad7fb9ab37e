"""Reads facts from the status of a Job and its pods, as the published API defines it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from lightkube.models.core_v1 import ContainerStateTerminated, ContainerStatus
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from boatyard import lifecycle
from boatyard.build import Build, BuildId, State
from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard_kubernetes.names import AFTER, BUILD, DOMAIN, NUMBER, PROJECT, RECORD, TAG, job_name, second_name
from boatyard_kubernetes.pod import CONTAINER, DAEMON, PLAN, WITHOUT

_BUILD: Final = decoder(Build)
_LONGEST_LINE: Final = 300


def seconds(time: datetime | None) -> float | None:
    return time.timestamp() if time is not None else None


def name_of(thing: Job | Pod) -> str:
    return (thing.metadata and thing.metadata.name) or ""


def namespace_of(thing: Job | Pod) -> str:
    return (thing.metadata and thing.metadata.namespace) or ""


def created(thing: Job | Pod) -> float | None:
    return seconds(thing.metadata.creationTimestamp) if thing.metadata else None


def released(job: Job) -> float | None:
    """When the Job was last released; a suspended one may be old."""
    return (seconds(job.status.startTime) if job.status else None) or created(job)


def scheduled(pod: Pod) -> float | None:
    """When the pod got a node."""
    for found in (pod.status and pod.status.conditions) or ():
        if found.type == "PodScheduled" and found.status == "True":
            return seconds(found.lastTransitionTime)
    return None


def label(thing: Job | Pod, name: str) -> str:
    return ((thing.metadata and thing.metadata.labels) or {}).get(name) or ""


def record_of(job: Job) -> Build | None:
    """The build's record on the Job; None if the Job is not Boatyard's.

    A damaged record means a lost build: its attempt is used up, and the next one can be built.
    """
    build_id = label(job, BUILD)
    text = ((job.metadata and job.metadata.annotations) or {}).get(RECORD, "")
    try:
        build = decode_json(text, _BUILD)
    except Undecodable:
        return _lost(job, build_id)
    return build if build.id == build_id else _lost(job, build_id)


def _lost(job: Job, build_id: str) -> Build | None:
    parsed = BuildId.parse(build_id)
    ours = (job_name(build_id), second_name(build_id))
    if parsed is None or label(job, TAG) != parsed.tag or name_of(job) not in ours:
        return None
    build = Build(
        id=build_id,
        key="",
        attempt=parsed.attempt,
        target="",
        project=label(job, PROJECT),
        domain=label(job, DOMAIN),
        platforms=(),
        state=State.QUEUED,
        created_at=created(job) or 0.0,
    )
    return lifecycle.ended(build, lifecycle.lost("the record on its Job is damaged"), now=build.created_at)


def number_of(job: Job) -> int:
    text = ((job.metadata and job.metadata.annotations) or {}).get(NUMBER, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def condition(job: Job, *types: str) -> tuple[str, str, datetime | None] | None:
    """(reason, message, since) of the first condition of `types` that is true."""
    for found in (job.status and job.status.conditions) or ():
        if found.type in types and found.status == "True":
            return found.reason or "", found.message or "", found.lastTransitionTime
    return None


def pod_condition(pod: Pod, type: str, status: str) -> tuple[str, str] | None:
    for found in (pod.status and pod.status.conditions) or ():
        if found.type == type and found.status == status:
            return found.reason or "", found.message or ""
    return None


def is_suspended(job: Job) -> bool:
    return bool(job.spec and job.spec.suspend)


def is_going(thing: Job | Pod) -> bool:
    return bool(thing.metadata and thing.metadata.deletionTimestamp)


def plan_of(job: Job) -> str | None:
    """Name of the Secret with the plan of the Job's pods."""
    pod = job.spec and job.spec.template.spec
    for volume in (pod and pod.volumes) or ():
        if volume.name == PLAN and volume.secret:
            return volume.secret.secretName
    return None


def lacks_buildkit(job: Job) -> bool:
    """Whether its pods have no BuildKit. If the build needs one, another Job goes on, where the cluster may run it."""
    pod = job.spec and job.spec.template.spec
    return any(WITHOUT in (container.args or ()) for container in (pod.containers if pod else ()))


def after(job: Job) -> str:
    """The uid of the Job that began this one's build; empty for a Job that began it itself."""
    annotations: dict[str, str] = (job.metadata and job.metadata.annotations) or {}
    return annotations.get(AFTER, "")


def is_of(pod: Pod, job: Job) -> bool:
    """Whether the pod belongs to this Job, and not to an earlier one of the same name."""
    return is_owned(pod, job.metadata.uid if job.metadata else None)


def is_owned(pod: Pod, uid: str | None) -> bool:
    return any(owner.uid == uid for owner in (pod.metadata and pod.metadata.ownerReferences) or ())


def containers(pod: Pod) -> Iterator[ContainerStatus]:
    if pod.status:
        yield from pod.status.initContainerStatuses or ()
        yield from pod.status.containerStatuses or ()


def job_container(pod: Pod) -> ContainerStatus | None:
    return next((c for c in containers(pod) if c.name == CONTAINER), None)


def terminated(pod: Pod) -> ContainerStateTerminated | None:
    container = job_container(pod)
    return container.state.terminated if container and container.state else None


def sidecar_end(pod: Pod) -> str:
    """How the buildkitd sidecar last ended, with its last line; empty if it never did."""
    for container in (pod.status and pod.status.initContainerStatuses) or ():
        for state in (container.state, container.lastState):
            if container.name == DAEMON and state and state.terminated:
                return how_it_ended(state.terminated)
    return ""


def how_it_ended(end: ContainerStateTerminated) -> str:
    """`ended with exit code 1: its last line`, out of the kubelet's termination message (the log's end on an error)."""
    how = f"signal {end.signal}" if end.signal else f"exit code {end.exitCode}"
    words = [line for line in (end.message or "").splitlines() if line.strip()]
    last = " ".join(words[-1].split())[:_LONGEST_LINE] if words else ""
    reason = f" ({end.reason})" if end.reason and end.reason not in ("Error", "Completed") else ""
    return f"ended with {how}{reason}" + (f": {last}" if last else "")


def running_since(pod: Pod) -> float | None:
    container = job_container(pod)
    running = container.state.running if container and container.state else None
    return seconds(running.startedAt) if running else None


def has_started(pod: Pod) -> bool:
    return running_since(pod) is not None or terminated(pod) is not None


def in_order(pods: Iterable[Pod]) -> list[Pod]:
    """Pods, oldest first. A replacement is created once the previous pod has ended. Times are whole seconds, so of two
    pods of the same second, the one that has not ended, or that succeeded, is the later one."""

    def age(pod: Pod) -> tuple[float, float, bool, str]:
        end = terminated(pod)
        phase = (pod.status and pod.status.phase) or ""
        over = seconds(end.finishedAt) if end else None
        ended = (over or 0.0) if phase in ("Succeeded", "Failed") else float("inf")
        return (created(pod) or 0.0, ended, phase == "Succeeded", name_of(pod))

    return sorted(pods, key=age)
