"""A Job that looks at the node from inside: may a pod like the rootless buildkitd make user namespaces?"""

import time
import uuid
from collections.abc import Callable
from typing import Final

import msgspec
from lightkube.models.batch_v1 import JobSpec
from lightkube.models.core_v1 import (
    Container,
    LocalObjectReference,
    PodSpec,
    PodTemplateSpec,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Event, Pod

from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard_kubernetes import waiting
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.finding import Finding, failed, ok, unknown, warning
from boatyard_kubernetes.facts import condition, terminated
from boatyard_kubernetes.names import common_labels
from boatyard_kubernetes.pod import CONTAINER, TERMINATION_LOG, resources, rootless_daemon, toleration

_CHECK: Final = "user namespaces"
_NAME: Final = "boatyard.io/probe"
_SECONDS: Final = 0.5
SCRIPT: Final = f"""
import ctypes, json, os
def read(path):
    try:
        with open(path) as file:
            return file.read().strip().strip(chr(0))
    except OSError:
        return ""
child = os.fork()
if not child:
    os._exit(0 if ctypes.CDLL(None).unshare(0x10000000) == 0 else 1)
status = dict(line.split(":", 1) for line in read("/proc/self/status").splitlines() if ":" in line)
found = {{
    "namespaces": int(read("/proc/sys/user/max_user_namespaces") or -1),
    "unshared": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0,
    "seccomp": int(status.get("Seccomp", "-1")),
    "apparmor": read("/proc/self/attr/apparmor/current") or read("/proc/self/attr/current"),
    "restricted": read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
}}
with open("{TERMINATION_LOG}", "w") as file:
    json.dump(found, file)
"""


class Seen(msgspec.Struct, frozen=True):
    namespaces: int
    """user.max_user_namespaces; -1 if the file is not there."""
    unshared: bool
    """Whether a process could make a user namespace."""
    seccomp: int
    """0 none, 2 filtered (proc(5))."""
    apparmor: str
    restricted: bool
    """Ubuntu's kernel.apparmor_restrict_unprivileged_userns."""


_SEEN: Final = msgspec.json.Decoder(Seen)


def check_from_inside(
    cluster: Cluster,
    settings: Settings,
    namespace: str,
    *,
    wait_seconds: float = 120,
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """Runs a Job of a second or two and takes it away again."""
    job = probe_job(settings, namespace)
    assert job.metadata is not None and job.metadata.name  # noqa: S101 - as made
    name = job.metadata.name
    try:
        cluster.create(job, namespace)
        try:
            return _wait(cluster, name, namespace, wait_seconds, pause)
        finally:
            cluster.delete(Job, name, namespace)
    except BoatyardError as error:
        return unknown(_CHECK, error.detail)


def probe_job(settings: Settings, namespace: str) -> Job:
    kubernetes = settings.kubernetes
    name = f"boatyard-doctor-{uuid.uuid4().hex[:8]}"
    labels = {**common_labels("doctor"), _NAME: name}
    container = Container(
        name=CONTAINER,
        image=kubernetes.builder_image,
        command=["python", "-c"],
        args=[SCRIPT],
        securityContext=rootless_daemon(),
        resources=resources({"cpu": "50m", "memory": "64Mi"}, {"memory": "128Mi"}),
        terminationMessagePath=TERMINATION_LOG,
    )
    pod = PodSpec(
        containers=[container],
        restartPolicy="Never",
        automountServiceAccountToken=False,
        nodeSelector=kubernetes.node_selector or None,
        tolerations=[toleration(t) for t in kubernetes.tolerations] or None,
        imagePullSecrets=[LocalObjectReference(name=n) for n in kubernetes.image_pull_secrets] or None,
    )
    return Job(
        metadata=ObjectMeta(name=name, namespace=namespace, labels=labels),
        spec=JobSpec(
            backoffLimit=0,
            activeDeadlineSeconds=300,
            ttlSecondsAfterFinished=300,
            template=PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=pod),
        ),
    )


def _wait(cluster: Cluster, name: str, namespace: str, wait_seconds: float, pause: Callable[[float], None]) -> Finding:
    end = time.monotonic() + wait_seconds
    why = ""
    while time.monotonic() < end:
        pods = cluster.find(Pod, namespace, labels=f"{_NAME}={name}")
        for pod in pods:
            over = terminated(pod)
            if over is not None:
                return _judge(over.message or "", over.exitCode)
            why = waiting.why_waiting(pod)
        if not pods:
            why = waiting.why_no_pod(cluster.find(Event, namespace, fields=f"involvedObject.name={name},type=Warning"))
            if "PodSecurity" in why:
                return failed(
                    _CHECK,
                    why,
                    f"Label {namespace} pod-security.kubernetes.io/enforce=privileged for BuildKit in the pod, or use "
                    "the managed buildkitd in a namespace of its own, or a buildkitUri.",
                )
        jobs = cluster.find(Job, namespace, labels=f"{_NAME}={name}")
        if jobs and condition(jobs[0], "Failed"):
            break
        pause(_SECONDS)
    return unknown(_CHECK, f"the probe did not run: {why or 'the cluster gives no reason'}")


def _judge(message: str, code: int) -> Finding:
    try:
        seen = _SEEN.decode(message)
    except msgspec.MsgspecError:
        return unknown(_CHECK, f"the probe ended with {code} and said nothing that is understood")
    if seen.namespaces == 0:
        return failed(
            _CHECK,
            "user.max_user_namespaces is 0 on the node",
            "Raise it (Bottlerocket: settings.kernel.sysctl), choose nodes of another image with "
            "kubernetes.nodeSelector, or use a buildkitUri. EKS Auto Mode does not let it be raised.",
        )
    if not seen.unshared and seen.restricted:
        return failed(
            _CHECK,
            "AppArmor keeps user namespaces from unprivileged programs (Ubuntu 23.10 and newer)",
            "Set kernel.apparmor_restrict_unprivileged_userns=0 on the nodes of builds.",
        )
    if not seen.unshared:
        return failed(
            _CHECK,
            f"user namespaces cannot be made (seccomp {seen.seccomp}, AppArmor {seen.apparmor or 'none'})",
            "See that the runtime honours seccompProfile and appArmorProfile Unconfined.",
        )
    if seen.seccomp == 2:
        return warning(
            _CHECK, "a seccomp filter is on although Unconfined was asked for", "Look for a mutating webhook."
        )
    return ok(_CHECK, f"can be made (user.max_user_namespaces {seen.namespaces})")
