"""Runs Jobs that examine the cluster from inside and report in their termination message. They run at once, for a
second or two, and are always deleted."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Event, Pod

from boatyard.errors import BoatyardError
from boatyard_kubernetes import waiting as reasons
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import is_barred, reason_of
from boatyard_kubernetes.facts import condition, has_started, name_of, terminated
from boatyard_kubernetes.refusals import Absent

PROBE: Final = "boatyard.io/probe"
"""Label of a probe's pods: the Job's name."""
_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 3.0
"""Seconds before a silent pod's events are read for the reason."""
_FIRST_TRY: Final = "ErrImagePull"
"""Failed pulls of an image: the kubelet retries before it backs off."""


class Said(NamedTuple):
    """The probe ran. `message` is its termination message, `code` its exit code."""

    message: str
    code: int


class Silent(NamedTuple):
    """It did not run, for this reason. `final`: waiting longer would not have helped. `barred`: the user may not run
    it, which says nothing about builds."""

    why: str
    final: bool
    barred: bool = False
    pull: str = ""
    """The kubelet's word for an image that cannot be pulled."""


def run(
    cluster: Cluster,
    jobs: Mapping[str, Job],
    *,
    wait_seconds: float,
    waiting: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, Said | Silent]:
    """Each Job's answer by its name here, which `waiting` also receives."""
    answers: dict[str, Said | Silent] = {}
    begun = time.monotonic()
    made: list[Job] = []
    try:
        for name, job in jobs.items():
            made.append(job)
            try:
                cluster.create(job, _namespace(job))
            except BoatyardError as error:
                answers[name] = _unasked(error)
        while left := [name for name in jobs if name not in answers]:
            over = time.monotonic() - begun > wait_seconds
            for name in left:
                answer = _look(cluster, jobs[name], patient=time.monotonic() - begun < _PATIENCE_SECONDS)
                if isinstance(answer, Said) or answer.final or over:
                    answers[name] = answer
                else:
                    waiting(f"{name}: {answer.why or 'its pod starts'}")
            if len(answers) < len(jobs):
                pause(_SECONDS)
    finally:
        for job in made:
            with contextlib.suppress(Absent, BoatyardError):
                cluster.delete(Job, name_of(job), _namespace(job))
    return answers


def _look(cluster: Cluster, job: Job, *, patient: bool) -> Said | Silent:
    name, namespace = name_of(job), _namespace(job)
    try:
        pods = cluster.find(Pod, namespace, labels=f"{PROBE}={name}")
        for pod in pods:
            if (end := terminated(pod)) is not None:
                return Said(end.message or "", end.exitCode)
        why = next((reason for pod in pods if (reason := reasons.why_waiting(pod)).text), reasons.Why())
        if not why.text and not patient and not any(map(has_started, pods)):
            about = pods[-1] if pods else job
            events = cluster.find(Event, namespace, fields=f"involvedObject.name={name_of(about)},type=Warning")
            template = job.spec.template.spec if job.spec else None
            why = reasons.why_not_started(events, pods[-1]) if pods else reasons.why_no_pod(events, template)
        found = cluster.find(Job, namespace, fields=f"metadata.name={name}")
    except BoatyardError as error:
        return _unasked(error)
    if not found:
        return Silent("its Job was taken away", final=True)
    failed = condition(found[0], "Failed")
    text = why.text or (failed[1] or failed[0] if failed else "")
    hopeless = why.patience is not None and why.pull != _FIRST_TRY
    return Silent(text, final=failed is not None or hopeless, pull=why.pull)


def _unasked(error: BoatyardError) -> Silent:
    return Silent(reason_of(error), final=not error.meaning.retryable, barred=is_barred(error))


def _namespace(job: Job) -> str:
    assert job.metadata is not None and job.metadata.namespace  # noqa: S101 - as made
    return job.metadata.namespace
