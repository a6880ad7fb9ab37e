"""The Job controller, for Jobs of one pod: what kubernetes.io/docs/concepts/workloads/controllers/job says.

Order of a sync as in pkg/controller/job: pods are counted, the failure policy, the deadline and the backoff limit are
checked, then pods are deleted or created. Left out: backoff delays, indexed Jobs, Kueue.
"""

import copy
import uuid
from typing import Any

from tests.kubernetes.loopback.admission import admit
from tests.kubernetes.loopback.api import mark_deleted
from tests.kubernetes.loopback.events import Events
from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, Store, unix
from tests.kubernetes.loopback.workload_identity import mutate

JOBS = BY_PATH["batch", "v1", "jobs"]
PODS = BY_PATH["", "v1", "pods"]
_FINAL = ("Complete", "Failed")


class JobController:
    def __init__(self, store: Store, events: Events) -> None:
        self._store = store
        self._events = events
        self._refused: dict[str, float] = {}
        """uid of a Job -> when a pod of it was refused last. A real controller backs off much longer."""
        self._counted: set[str] = set()
        """uids of pods whose failure has been counted, or ignored."""

    def sync(self) -> None:
        for job in self._store.find(JOBS):
            if not any(condition(job, kind) for kind in _FINAL):
                self._sync(job)

    def _sync(self, job: Object) -> None:
        spec, status = job["spec"], copy.deepcopy(job.get("status") or {})
        pods = [p for p in self._store.find(PODS, job["metadata"]["namespace"]) if _owned(p, job)]
        live = [p for p in pods if p["status"]["phase"] not in ("Succeeded", "Failed")]
        succeeded = [p for p in pods if p["status"]["phase"] == "Succeeded"]
        job["status"] = status
        self._count(job, pods)
        if spec.get("suspend"):
            self._delete(live)
            _set(job, "Suspended", "True", "JobSuspended", "Job suspended", self._store)
            status.pop("startTime", None)
        elif succeeded and len(succeeded) >= spec["completions"]:
            _set(
                job,
                "SuccessCriteriaMet",
                "True",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
                self._store,
            )
            _set(
                job, "Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods", self._store
            )
            status["completionTime"] = self._store.time()
        else:
            self._go_on(job, live, pods)
        status["active"] = len([p for p in live if not p["metadata"].get("deletionTimestamp")])
        status["ready"] = len([p for p in live if p["status"]["phase"] == "Running"])
        status["succeeded"] = len(succeeded)
        self._write(job)

    def _go_on(self, job: Object, live: list[Object], pods: list[Object]) -> None:
        spec, status = job["spec"], job["status"]
        if "startTime" not in status:
            status["startTime"] = self._store.time()
            if condition(job, "Suspended"):
                _set(job, "Suspended", "False", "JobResumed", "Job resumed", self._store)
        deadline = spec.get("activeDeadlineSeconds")
        if not condition(job, "FailureTarget"):
            if deadline is not None and self._store.now() - unix(status["startTime"]) >= deadline:
                self._fail(job, "DeadlineExceeded", "Job was active longer than specified deadline")
            elif status.get("failed", 0) > spec["backoffLimit"]:
                self._fail(job, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        if target := condition(job, "FailureTarget"):
            self._delete(live)
            if not [p for p in self._store.find(PODS, job["metadata"]["namespace"]) if _owned(p, job) and _live(p)]:
                _set(job, "Failed", "True", target["reason"], target["message"], self._store)
            return
        wanted = min(spec["parallelism"], spec["completions"])
        active = [p for p in live if not p["metadata"].get("deletionTimestamp")]
        if len(active) > wanted:
            self._delete(active[wanted:])
        elif len(live) < wanted:  # podReplacementPolicy Failed: one that terminates still holds its place
            self._make_pod(job)

    def _count(self, job: Object, pods: list[Object]) -> None:
        """Matches failed pods against the failure policy; the first matching rule decides."""
        for pod in pods:
            uid = pod["metadata"]["uid"]
            if pod["status"]["phase"] != "Failed" or uid in self._counted:
                continue
            self._counted.add(uid)
            action, why = _judge(job["spec"].get("podFailurePolicy"), pod)
            if action == "FailJob":
                self._fail(job, "PodFailurePolicy", why)
            if action != "Ignore":
                job["status"]["failed"] = job["status"].get("failed", 0) + 1

    def _fail(self, job: Object, reason: str, message: str) -> None:
        if not condition(job, "FailureTarget"):
            _set(job, "FailureTarget", "True", reason, message, self._store)

    def _delete(self, pods: list[Object]) -> None:
        for pod in pods:
            metadata = pod["metadata"]
            current = self._store.get(PODS, metadata["namespace"], metadata["name"])
            if current["spec"].get("nodeName"):
                mark_deleted(self._store, PODS, current)
            else:
                self._store.remove(PODS, metadata["namespace"], metadata["name"])

    def _make_pod(self, job: Object) -> None:
        metadata, template = job["metadata"], copy.deepcopy(job["spec"]["template"])
        if self._store.now() - self._refused.get(metadata["uid"], 0) < 1:
            return
        name = f"{metadata['name'][:57]}-{uuid.uuid4().hex[:5]}"
        owner = {
            "batch.kubernetes.io/job-name": metadata["name"],
            "batch.kubernetes.io/controller-uid": metadata["uid"],
        }
        own = template.get("metadata") or {}
        pod: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": {**(own.get("labels") or {}), **owner},
                "annotations": own.get("annotations") or {},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        try:
            mutate(self._store, pod)
            admit(self._store, PODS, pod)
        except Refused as refused:
            self._refused[metadata["uid"]] = self._store.now()
            self._events.tell(job, "Warning", "FailedCreate", f"Error creating: {refused}")
            return
        self._store.add(PODS, pod)
        self._events.tell(job, "Normal", "SuccessfulCreate", f"Created pod: {name}")

    def _write(self, job: Object) -> None:
        try:
            job["metadata"].pop("resourceVersion", None)
            self._store.replace(JOBS, job)
        except Refused as refused:
            if refused.code != 404:
                raise


def condition(job: Object, kind: str) -> dict[str, Any] | None:
    found = (
        c for c in (job.get("status") or {}).get("conditions") or () if c["type"] == kind and c["status"] == "True"
    )
    return next(found, None)


def _set(job: Object, kind: str, status: str, reason: str, message: str, store: Store) -> None:
    conditions = job["status"].setdefault("conditions", [])
    for found in conditions:
        if found["type"] == kind:
            if found["status"] != status:
                found.update(status=status, reason=reason, message=message, lastTransitionTime=store.time())
            return
    new = {"type": kind, "status": status, "reason": reason, "message": message}
    conditions.append({**new, "lastProbeTime": store.time(), "lastTransitionTime": store.time()})


def _judge(policy: dict[str, Any] | None, pod: Object) -> tuple[str, str]:
    statuses = [*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ())]
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        for pattern in rule.get("onPodConditions") or ():
            for found in pod["status"].get("conditions") or ():
                if (found["type"], found["status"]) == (pattern["type"], pattern.get("status", "True")):
                    return rule[
                        "action"
                    ], f"Pod {name} has condition {found['type']} matching {rule['action']} rule at index {index}"
        if codes := rule.get("onExitCodes"):
            for container in statuses:
                end = (container.get("state") or {}).get("terminated")
                if not end or end["exitCode"] == 0 or codes.get("containerName") not in (None, container["name"]):
                    continue
                if (end["exitCode"] in codes["values"]) is (codes["operator"] == "In"):
                    return (
                        rule["action"],
                        f"Container {container['name']} for pod {name} failed with exit code {end['exitCode']} "
                        f"matching {rule['action']} rule at index {index}",
                    )
    return "Count", ""


def _owned(pod: Object, job: Object) -> bool:
    return any(o["uid"] == job["metadata"]["uid"] for o in pod["metadata"].get("ownerReferences") or ())


def _live(pod: Object) -> bool:
    return pod["status"]["phase"] not in ("Succeeded", "Failed")
