"""The two probes: a pod like the rootless buildkitd's, and one like a build's own container."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from lightkube.models.batch_v1 import JobSpec
from lightkube.models.core_v1 import (
    Container,
    LocalObjectReference,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    SecretVolumeSource,
    SecurityContext,
    Volume,
    VolumeMount,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.batch_v1 import Job

from boatyard.settings import Kubernetes, Settings
from boatyard_kubernetes import daemon
from boatyard_kubernetes.doctor.inside import program
from boatyard_kubernetes.doctor.probe import PROBE
from boatyard_kubernetes.names import common_labels
from boatyard_kubernetes.pod import (
    CONTAINER,
    TERMINATION_LOG,
    resources,
    restricted_container,
    restricted_pod,
    toleration,
)
from boatyard_kubernetes.topology import TLS_FOLDER, Topology, client_secret

_SECONDS: Final = 120
"""Lifetimes of a probe's container, and of its finished Job, in case that nobody deletes it."""
_READABLE: Final = 0o440


def node_job(settings: Settings, topology: Topology, namespace: str, wait_seconds: float) -> Job:
    """A pod like the topology's daemon, to test its node. A sidecar's has a build's labels and account, which webhooks
    and policies depend on. The managed one's labels would make it a backend of its Service."""
    container = _container(settings, "node", {"out": TERMINATION_LOG}, daemon.security(), [])
    beside = topology is Topology.DAEMONLESS
    return _job(settings.kubernetes, "node", namespace, wait_seconds, container, build=beside)


def place_job(
    settings: Settings, namespace: str, wait_seconds: float, addresses: Sequence[tuple[str, int]], *, tls: bool
) -> Job:
    """A pod like a build's, under the builds' service account and with a build's labels, which identity webhooks and
    network policies depend on. `tls`: the Secret with the client's certificate exists and is mounted."""
    kubernetes = settings.kubernetes
    mounts: list[VolumeMount] = []
    volumes: list[Volume] = []
    if tls:
        mounts.append(VolumeMount(name="tls", mountPath=TLS_FOLDER, readOnly=True))
        source = SecretVolumeSource(secretName=client_secret(settings), defaultMode=_READABLE)
        volumes.append(Volume(name="tls", secret=source))
    mounts += daemon.ca_mounts(settings)
    volumes += daemon.ca_volumes(settings)
    buildkit = settings.buildkit
    reaches_it = buildkit.docker if buildkit.driver == "buildx" else buildkit.buildctl
    order = {
        "out": TERMINATION_LOG,
        "authentication": settings.authentication_type,
        "addresses": addresses,
        "tls": TLS_FOLDER if tls else "",
        "modules": ["boatyard_buildkit"],
        "programs": [] if settings.cluster_lacks_buildkit else [reaches_it],
    }
    container = _container(settings, "place", order, restricted_container(), mounts)
    return _job(kubernetes, "place", namespace, wait_seconds, container, volumes=volumes or None, build=True)


def _container(
    settings: Settings, name: str, order: dict[str, Any], security: SecurityContext, mounts: list[VolumeMount]
) -> Container:
    return Container(
        name=CONTAINER,
        image=settings.kubernetes.builder_image,
        command=["python", "-c"],
        args=[program(name), msgspec.json.encode(order).decode()],
        securityContext=security,
        resources=resources({"cpu": "50m", "memory": "64Mi"}, {"memory": "128Mi"}),
        volumeMounts=mounts or None,
        terminationMessagePath=TERMINATION_LOG,
        terminationMessagePolicy="FallbackToLogsOnError",
    )


def _job(
    kubernetes: Kubernetes,
    what: str,
    namespace: str,
    wait_seconds: float,
    container: Container,
    *,
    volumes: list[Volume] | None = None,
    build: bool = False,
) -> Job:
    name = f"boatyard-doctor-{what}-{uuid.uuid4().hex[:8]}"
    labels = {PROBE: name, **common_labels("build" if build else "doctor")}
    pod = PodSpec(
        containers=[container],
        volumes=volumes,
        restartPolicy="Never",
        serviceAccountName=kubernetes.service_account if build else None,
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        securityContext=restricted_pod() if build else PodSecurityContext(),
        nodeSelector=kubernetes.node_selector or None,
        tolerations=[toleration(t) for t in kubernetes.tolerations] or None,
        imagePullSecrets=[LocalObjectReference(name=n) for n in kubernetes.image_pull_secrets] or None,
        terminationGracePeriodSeconds=1,
    )
    metadata = ObjectMeta(
        labels={**(kubernetes.pod_labels if build else {}), **labels},
        annotations=(kubernetes.pod_annotations or None) if build else None,
    )
    return Job(
        metadata=ObjectMeta(name=name, namespace=namespace, labels={PROBE: name, **common_labels("doctor")}),
        spec=JobSpec(
            backoffLimit=0,
            activeDeadlineSeconds=int(wait_seconds) + _SECONDS,
            ttlSecondsAfterFinished=_SECONDS,
            template=PodTemplateSpec(metadata=metadata, spec=pod),
        ),
    )
