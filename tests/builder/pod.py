"""Runs a build's pod in this machine's Docker, with the pod's command, variables, mounts and rights.

A kubelet would do the same (core/v1 PodSpec). Volumes are folders here, owned as `fsGroup` makes them.
"""

import base64
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from lightkube.models.batch_v1 import JobSpec
from lightkube.models.core_v1 import Container, PodSecurityContext, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.batch_v1 import Job

from boatyard.job import BuildJob, JobResult
from boatyard.settings import Buildkit, Kubernetes, Settings
from boatyard_kubernetes.daemon import USER
from boatyard_kubernetes.job_object import plan_object
from boatyard_kubernetes.pod import TERMINATION_LOG, template
from tests.buildkit.containers import printed_by

_FOLDER_MODE: Final = 0o770


class Docker:
    """The engine's docker command."""

    def __init__(self, buildkit: Buildkit) -> None:
        self.command = buildkit.docker
        chosen = {"DOCKER_HOST": buildkit.docker_host, "DOCKER_CONFIG": buildkit.docker_config}
        self.environment = {**os.environ, **{name: value for name, value in chosen.items() if value}}

    def __call__(self, *words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.command, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **more,
        )

    def run(self, image: str, command: Sequence[str], *flags: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Runs the pod's container, with only /tmp as a volume, and without a network unless `flags` add one. The
        command prints something, and may run twice."""
        return printed_by(lambda: self(*in_pod(image, command, *flags), **more))


def in_pod(image: str, command: Sequence[str], *flags: str) -> list[str]:
    network = [] if any(flag.startswith("--network") for flag in flags) else ["--network=none"]
    entry, *rest = command
    return ["run", "--rm", "--interactive", *rights(), *network, *flags, f"--entrypoint={entry}", image, *rest]


def rights() -> list[str]:
    """The pod's and the container's security contexts, in Docker's flags."""
    pod, container = _parts()
    own = container.securityContext
    assert isinstance(pod, PodSecurityContext) and pod.runAsNonRoot and own is not None and own.capabilities
    assert own.readOnlyRootFilesystem and own.allowPrivilegeEscalation is False
    dropped = [f"--cap-drop={name}" for name in own.capabilities.drop or ()]
    user = f"--user={pod.runAsUser}:{pod.runAsGroup}"
    return [user, "--read-only", "--security-opt=no-new-privileges", *dropped, f"--tmpfs=/tmp:uid={USER}"]


def run_job(
    docker: Docker, image: str, job: BuildJob, settings: Settings, folder: Path, *flags: str
) -> tuple[JobResult, str]:
    """Runs the job's container from its plan to its termination message. Returns the message and the output."""
    volumes = {"plan": _plan(job, settings, folder), "out": folder / "out"}
    volumes["out"].mkdir()
    message = folder / "termination-log"
    message.touch()
    for path in (folder, *volumes.values(), message, *volumes["plan"].iterdir()):
        os.chown(path, USER, USER)
    volumes["out"].chmod(_FOLDER_MODE)
    (container,) = _spec(job, settings).containers
    mounts = [
        f"--volume={volumes[mount.name]}:{mount.mountPath}{':ro' if mount.readOnly else ''}"
        for mount in container.volumeMounts or ()
        if mount.name in volumes
    ]
    variables = [f"--env={each.name}={each.value}" for each in container.env or ()]
    command = [*(container.command or ()), *(container.args or ())]
    mounts.append(f"--volume={message}:{TERMINATION_LOG}")
    done = docker(*in_pod(image, command, "--network=host", *mounts, *variables, *flags))
    text = message.read_text()
    assert text, done.stdout + done.stderr
    return msgspec.json.decode(text, type=JobResult), done.stdout + done.stderr


def _plan(job: BuildJob, settings: Settings, folder: Path) -> Path:
    owner = Job(
        metadata=ObjectMeta(name="job", namespace="builds", uid="1"),
        spec=JobSpec(template=template(job, settings, "plan")),
    )
    plan = folder / "plan"
    plan.mkdir()
    for name, data in (plan_object(job, owner, settings).data or {}).items():
        (plan / name).write_bytes(base64.b64decode(data))
    return plan


def _spec(job: BuildJob, settings: Settings) -> PodSpec:
    made = template(job, settings, "plan").spec
    assert made is not None
    return made


def _parts() -> tuple[PodSecurityContext | None, Container]:
    from tests.buildkit import jobs

    kubernetes = Kubernetes(builder_image="registry.test/builder:1")
    spec = _spec(jobs.make(), msgspec.structs.replace(jobs.SETTINGS, kubernetes=kubernetes))
    return spec.securityContext, spec.containers[0]
