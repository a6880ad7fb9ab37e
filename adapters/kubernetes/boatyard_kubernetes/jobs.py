"""Finds, creates, releases, withdraws and stops the Jobs of builds.

An attempt starts with three requests: the suspended Job, its plan, the release. The Job's name is the lock, and every
function that finds a suspended Job repeats the last two, so its creator may die between any of them. A name may be used
again, after somebody deletes the Job. So the plan has a name that only this Job knows, and every change of a Job names
its uid.

A name is a lock in one namespace only. If builds of one tag may run in several, the same attempt can be created twice
at the same moment. So a creator looks for rivals before it releases its Job, and withdraws it if it finds one. A Job is
only withdrawn while it is suspended (by preconditions), and never after its release.

A Job without BuildKit may end because its build needs one. Then whoever looks creates a second Job, with a buildkitd
beside it, under the build's own id: its name is the lock again. From then on the second one is the build's Job.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from lightkube.models.meta_v1 import ObjectMeta, Preconditions
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Namespace, Pod, Secret

from boatyard import lifecycle
from boatyard.build import Build, BuildId, is_build_tag
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.ports import Scope
from boatyard.settings import Settings
from boatyard_kubernetes import names
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.facts import (
    after,
    in_order,
    is_of,
    is_owned,
    is_suspended,
    label,
    name_of,
    namespace_of,
    number_of,
    plan_of,
    record_of,
)
from boatyard_kubernetes.job_object import job_object, owners_of_plan, plan_object, second_job
from boatyard_kubernetes.refusals import Absent, Exists, NamespaceMissing, ObjectChanged
from boatyard_kubernetes.stopping import Stopped, stop_patch

_BUILDS_ONLY: Final = names.BUILDS
_TRIES: Final = 5


class FoundJob(msgspec.Struct, frozen=True):
    """A build's Job, with the record on it."""

    job: Job
    record: Build

    @property
    def namespace(self) -> str:
        return namespace_of(self.job)

    @property
    def uid(self) -> str | None:
        return self.job.metadata.uid if self.job.metadata else None

    @property
    def version(self) -> str | None:
        return self.job.metadata.resourceVersion if self.job.metadata else None

    @property
    def suspended(self) -> bool:
        return is_suspended(self.job)

    def before(self) -> tuple[int, bool, str]:
        """Sort key for the Jobs of a tag: the newest attempt first, and among rivals the one that stays."""
        return (-self.record.attempt, self.suspended, self.namespace)


class Jobs:
    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._reach = names.reach(settings.kubernetes)

    def of_tag(self, tag: str) -> list[FoundJob]:
        """The Jobs of a tag, the decisive one first."""
        return sorted(self._find(f"{names.TAG}={tag}"), key=FoundJob.before) if is_build_tag(tag) else []

    def of_build(self, build_id: str) -> FoundJob | None:
        if BuildId.parse(build_id) is None:
            return None
        return min(self._find(f"{names.BUILD}={build_id}"), key=FoundJob.before, default=None)

    def all(self, project: str | None, domain: str | None) -> list[tuple[int, FoundJob, list[Pod]]]:
        """All Jobs of builds with their numbers, newest first, with pods for those that have not ended."""
        labels = _BUILDS_ONLY
        for name, value in ((names.PROJECT, project), (names.DOMAIN, domain)):
            if value is not None:
                if not names.is_label_value(value):
                    return []
                labels += f",{name}={value}"
        found = self._find(labels)
        pods: dict[tuple[str, str], list[Pod]] = {}
        if any(not job.record.state.ended for job in found):
            for namespace in self._reach:
                for pod in self._cluster.find(Pod, namespace, labels=labels):
                    pods.setdefault((namespace_of(pod), label(pod, names.BUILD)), []).append(pod)
        numbered = [(number_of(f.job), f, _own(f, pods.get((f.namespace, f.record.id), ()))) for f in found]
        return sorted(numbered, key=lambda entry: (entry[0], entry[1].record.id), reverse=True)

    def pods(self, found: FoundJob) -> list[Pod]:
        """Oldest first."""
        return _own(found, self._of_build(found))

    def pods_with_logs(self, found: FoundJob) -> list[Pod]:
        """Oldest first, with those of the Job without BuildKit that began the build."""
        pods = self._of_build(found)
        first = after(found.job)
        return in_order([pod for pod in pods if first and is_owned(pod, first)]) + _own(found, pods)

    def waiting(self) -> Counter[Scope]:
        """Builds without a node, per scope. It counts pods, which are few, while finished Jobs are many."""
        return Counter(
            Scope(label(pod, names.PROJECT), label(pod, names.DOMAIN))
            for namespace in self._reach
            for pod in self._cluster.find(Pod, namespace, labels=_BUILDS_ONLY, fields="status.phase=Pending")
        )

    def active(self, scope: Scope) -> int:
        """Number of the scope's waiting and running builds, counted by pods."""
        labels = f"{_BUILDS_ONLY},{names.PROJECT}={scope.project},{names.DOMAIN}={scope.domain}"
        fields = "status.phase!=Succeeded,status.phase!=Failed"
        namespace = names.namespace_of(self._settings.kubernetes, scope)
        return len(self._cluster.find(Pod, namespace, labels=labels, fields=fields))

    def start(self, made: BuildJob, number: int, *, now: float) -> Build | None:
        """Creates and releases a Job. None if it exists already, or was withdrawn for a rival."""
        namespace = names.namespace_of(self._settings.kubernetes, Scope(made.project, made.domain))
        build = lifecycle.queued(made, now=now)
        try:
            created = self._create(job_object(made, build, number, self._settings, namespace), namespace)
        except Exists:
            return None
        found = FoundJob(created, build)
        try:
            if self._reach != (namespace,) and rivals(found, self._find(f"{names.BUILD}={made.id}")):
                self.withdraw(found)
                return None
            return build if self.release(found, made) else None
        except BoatyardError as error:
            if not error.meaning.retryable:
                self.withdraw(found)
            raise

    def release(self, found: FoundJob, made: BuildJob) -> bool:
        """Creates the plan and releases the Job; may run concurrently. False if the Job was deleted or replaced."""
        if plan_of(found.job) is None:
            return False
        try:
            # An existing plan is this Job's own: another function releases it at the same time.
            with contextlib.suppress(Exists):
                self._cluster.create(plan_object(made, found.job, self._settings), found.namespace)
            self._merge(found, {"spec": {"suspend": False}})
        except (Absent, ObjectChanged):
            return False
        return True

    def hand_over(self, found: FoundJob) -> FoundJob | None:
        """The Job with BuildKit that goes on with the build; None if the build is gone."""
        made = second_job(found.job, self._settings)
        try:
            created = self._cluster.create(made, found.namespace)
        except Exists:
            return self.of_build(found.record.id)
        owners = {"ownerReferences": [owner.to_dict() for owner in owners_of_plan(found.job, created)]}
        with contextlib.suppress(Absent):
            self._cluster.merge(Secret, plan_of(created) or "", found.namespace, {"metadata": owners})
        return FoundJob(created, found.record)

    def withdraw(self, found: FoundJob) -> None:
        """Deletes the Job if it is still suspended. It is read again on each try, because the Job controller writes its
        status meanwhile, which must not prevent the deletion."""
        for _ in range(_TRIES):
            current = self._again(found)
            if current is None or not current.suspended:
                return
            unchanged = Preconditions(uid=current.uid, resourceVersion=current.version)
            try:
                self._cluster.delete(Job, name_of(current.job), current.namespace, unchanged=unchanged)
            except ObjectChanged:
                continue
            except Absent:
                return

    def stop(self, found: FoundJob, stopped: Stopped) -> FoundJob | None:
        """Stops the Job. None if it was deleted or replaced."""
        with contextlib.suppress(Absent, ObjectChanged):
            return FoundJob(self._merge(found, stop_patch(stopped)), found.record)
        return None

    def write_down(self, found: FoundJob, build: Build) -> None:
        """Stores the first result that was found in the Job, because pods disappear before Jobs. The Job controller may
        write to it at the same moment, which must not lose the result. If this fails, the next look finds it again."""
        record = {names.RECORD: msgspec.json.encode(build).decode()}
        current: FoundJob | None = found
        with contextlib.suppress(Absent, BoatyardError):
            for _ in range(_TRIES):
                if current is None or current.record.state.ended:
                    return
                patch = {"metadata": {"resourceVersion": current.version, "annotations": record}}
                try:
                    self._merge(current, patch)
                except ObjectChanged:
                    current = self._again(found)
                else:
                    return

    def _again(self, found: FoundJob) -> FoundJob | None:
        """The same Job, read again."""
        return next((f for f in self._find(f"{names.BUILD}={found.record.id}") if f.uid == found.uid), None)

    def _merge(self, found: FoundJob, patch: dict[str, Any]) -> Job:
        """Raises Absent, or Changed if another Job has the name now."""
        metadata = {**patch.get("metadata", {}), "uid": found.uid}
        return self._cluster.merge(Job, name_of(found.job), found.namespace, {**patch, "metadata": metadata})

    def _find(self, labels: str) -> list[FoundJob]:
        jobs = [job for namespace in self._reach for job in self._cluster.find(Job, namespace, labels=labels)]
        over = {first for job in jobs if (first := after(job))}
        return [
            FoundJob(job, record)
            for job in jobs
            if (job.metadata is None or job.metadata.uid not in over) and (record := record_of(job)) is not None
        ]

    def _of_build(self, found: FoundJob) -> list[Pod]:
        return self._cluster.find(Pod, found.namespace, labels=f"{names.BUILD}={found.record.id}")

    def _create(self, job: Job, namespace: str) -> Job:
        try:
            return self._cluster.create(job, namespace)
        except NamespaceMissing:
            if not self._settings.kubernetes.create_namespaces:
                raise
        metadata = ObjectMeta(name=namespace, labels={names.MANAGED_BY: "boatyard"})
        with contextlib.suppress(Exists):
            self._cluster.create(Namespace(metadata=metadata), None)
        return self._cluster.create(job, namespace)


def _own(found: FoundJob, pods: Iterable[Pod]) -> list[Pod]:
    """Pods of the Job itself, oldest first. Those of an earlier Job of its name may still be ending."""
    return in_order(pod for pod in pods if is_of(pod, found.job))


def rivals(found: FoundJob, jobs: Iterable[FoundJob]) -> list[FoundJob]:
    """The same attempt in other namespaces."""
    return [f for f in jobs if f.record.id == found.record.id and f.namespace != found.namespace]
