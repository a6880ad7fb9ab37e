"""Checks by a dry run whether the cluster admits the pods of a topology: Pod Security, policies, quotas and webhooks
evaluate them, and nothing is created."""

import uuid
from typing import Final, NamedTuple

import msgspec
from lightkube.models.core_v1 import EmptyDirVolumeSource, PodSpec, PodTemplateSpec, Volume
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Namespace, Pod

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, Level, ok, warn
from boatyard.job import BuildJob
from boatyard.settings import Settings
from boatyard_kubernetes.advice import advice
from boatyard_kubernetes.buildkitd import buildkitd_objects
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import reason_in, reason_of
from boatyard_kubernetes.names import plan_name
from boatyard_kubernetes.pod import template
from boatyard_kubernetes.refusals import ClusterRefusal, NamespaceMissing, RefusalReason
from boatyard_kubernetes.topology import Topology, choose


class Admitted(NamedTuple):
    status: Level
    """OK, FAIL or UNKNOWN."""
    detail: str
    advice: str = ""
    reason: RefusalReason | None = None
    """Why the API server refused it."""
    asked: PodSpec | None = None
    pod: Pod | None = None
    """The pod as the API server admitted it, with what webhooks changed."""


LEVEL: Final = "pod-security.kubernetes.io/enforce"
_LEVEL_CHECK: Final = "pod security"
_RESTRICTED: Final = "restricted"
_ANY_IMAGE: Final = "builder"
_MEET: Final = "Follow the rule in that line, or ask the cluster's administrator for an exception."
DEPLOY: Final = "Apply the Terraform module, or what `python -m boatyard_kubernetes manifests …` prints."


def with_topology(settings: Settings, topology: Topology) -> Settings:
    """The settings, changed to another topology that has BuildKit."""
    if choose(settings) is topology:
        return settings
    buildkit = msgspec.structs.replace(settings.buildkit, enabled=topology is Topology.MANAGED, driver="buildctl")
    kubernetes = msgspec.structs.replace(settings.kubernetes, run_buildkit=True)
    uri = "tcp://elsewhere:1234" if topology is Topology.EXTERNAL else ""
    return msgspec.structs.replace(settings, buildkit=buildkit, kubernetes=kubernetes, buildkit_uri=uri)


def check_level(namespace: Namespace) -> Finding:
    """Whether the namespace keeps out pods that are not `restricted`, where no pod may run BuildKit."""
    metadata = namespace.metadata or ObjectMeta()
    found = (metadata.labels or {}).get(LEVEL, "")
    if found == _RESTRICTED:
        return ok(_LEVEL_CHECK, f"{metadata.name} admits restricted pods only")
    state = f"is labelled {LEVEL}={found}" if found else f"has no label {LEVEL}"
    return warn(
        _LEVEL_CHECK,
        f"{metadata.name} {state}: Boatyard's pods are restricted, and others there need not be",
        f"Label it: kubectl label namespace {metadata.name} {LEVEL}={_RESTRICTED} --overwrite.",
    )


def admit_builds(cluster: Cluster, settings: Settings, topology: Topology, job: BuildJob, namespace: str) -> Admitted:
    """Checks a build's pod, in the namespace of builds."""
    found = _try(cluster, template(job, _with_image(with_topology(settings, topology)), plan_name(job.id)), namespace)
    if found.reason is RefusalReason.POD_SECURITY and topology is Topology.DAEMONLESS:
        advice = f"Label {namespace} {LEVEL}=privileged, or let builds use the managed buildkitd."
        return found._replace(advice=advice)
    return found


def _with_image(settings: Settings) -> Settings:
    """The settings with a placeholder image: another check reports a missing one."""
    kubernetes = settings.kubernetes
    image = kubernetes.builder_image or _ANY_IMAGE
    return msgspec.structs.replace(settings, kubernetes=msgspec.structs.replace(kubernetes, builder_image=image))


def admit_daemon(cluster: Cluster, settings: Settings) -> Admitted:
    """Checks the managed buildkitd's pod, in its own namespace. Raises NamespaceMissing if that does not exist.

    If the settings choose another topology, it is not deployed and has no service account yet.
    """
    chosen = with_topology(settings, Topology.MANAGED)
    daemon = next(made for made in buildkitd_objects(chosen) if isinstance(made, StatefulSet))
    assert daemon.spec is not None and daemon.spec.template.spec is not None  # noqa: S101 - as made
    pod = daemon.spec.template.spec
    # A StatefulSet's pods have its claims as volumes; another volume of that name is equivalent for admission.
    claims = [claim.metadata.name for claim in daemon.spec.volumeClaimTemplates or () if claim.metadata]
    pod.volumes = [
        *(pod.volumes or ()),
        *(Volume(name=name, emptyDir=EmptyDirVolumeSource()) for name in claims if name),
    ]
    if chosen is not settings:
        pod.serviceAccountName = None
    namespace = settings.kubernetes.buildkit_namespace
    found = _try(cluster, daemon.spec.template, namespace)
    if found.reason is RefusalReason.POD_SECURITY:
        return found._replace(advice=f"Label {namespace} {LEVEL}=privileged.")
    return found


def _try(cluster: Cluster, made: PodTemplateSpec, namespace: str) -> Admitted:
    labels = (made.metadata and made.metadata.labels) or {}
    annotations = (made.metadata and made.metadata.annotations) or None
    name = f"boatyard-doctor-{uuid.uuid4().hex[:8]}"
    pod = Pod(
        metadata=ObjectMeta(name=name, namespace=namespace, labels=labels, annotations=annotations), spec=made.spec
    )
    try:
        admitted = cluster.create(pod, namespace, dry_run=True)
    except NamespaceMissing:
        raise
    except BoatyardError as error:
        reason = reason_in(error)
        if reason in (RefusalReason.NO_RIGHT, RefusalReason.NO_DRY_RUN) or error.meaning.retryable:
            return Admitted(Level.UNKNOWN, reason_of(error))
        if not isinstance(error, ClusterRefusal):
            return Admitted(Level.FAIL, error.detail, _MEET)
        if reason is RefusalReason.NO_SERVICE_ACCOUNT:
            return Admitted(Level.FAIL, error.detail, DEPLOY, reason)
        # The refused pod decides which container's resources are meant.
        exact = advice(error.said, made.spec)
        return Admitted(Level.FAIL, error.plain, f"{exact[0].upper()}{exact[1:]}." if exact else _MEET, reason)
    return Admitted(Level.OK, namespace, asked=made.spec, pod=admitted)
