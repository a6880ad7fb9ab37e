"""Makes the pod of a build: the job's container under the restricted Pod Security Standard, and in the daemonless
topology a rootless buildkitd sidecar, which only the `privileged` standard admits. A build whose plan has no RUN gets
no sidecar; `with_daemon` makes the pod that it needs if its job finds that a step is left to BuildKit.

Why rootless BuildKit needs what it gets (moby/buildkit docs/rootless.md and its examples/kubernetes):
seccomp and AppArmor Unconfined for mount and unshare; privilege escalation because newuidmap is setuid;
--oci-worker-no-process-sandbox because the pod's /proc is masked. `hostUsers: false` is not possible: such a
pod has 65,536 ids in total, and the image's newuidmap needs as many in addition.
"""

import copy
from typing import Final

from lightkube.models.core_v1 import (
    Capabilities,
    Container,
    EmptyDirVolumeSource,
    EnvVar,
    KeyToPath,
    LocalObjectReference,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    ProjectedVolumeSource,
    ResourceRequirements,
    SeccompProfile,
    SecretProjection,
    SecretVolumeSource,
    SecurityContext,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from lightkube.models.core_v1 import Toleration as PodToleration
from lightkube.models.meta_v1 import ObjectMeta

from boatyard.job import BuildJob
from boatyard.job_steps import needs_run
from boatyard.ports import Scope
from boatyard.settings import Settings, Toleration
from boatyard_kubernetes import daemon, supervisor
from boatyard_kubernetes.names import BUILD_KIND, PULL_KIND, SECRET_VALUE, build_labels, secret_object_name
from boatyard_kubernetes.topology import SOCKET_FOLDER, TLS_FOLDER, Topology, begins_without, choose, client_secret

CONTAINER: Final = "build"
DAEMON: Final = "buildkitd"
PLAN: Final = "plan"
"""Name of the volume with the plan's Secret."""
PLAN_FOLDER: Final = "/boatyard/plan"
OUT_FOLDER: Final = "/boatyard/out"
SECRETS_FOLDER: Final = "/boatyard/secrets"
TERMINATION_LOG: Final = "/dev/termination-log"
GRACE_SECONDS: Final = 30
WITHOUT: Final = "--without-buildkit"
"""Argument of a job that has no BuildKit."""
_READABLE: Final = 0o440
_CONFIG: Final = "buildkitd-config"


def template(job: BuildJob, settings: Settings, plan: str) -> PodTemplateSpec:
    """The pod template. `plan` is the name of the Secret with the job's plan."""
    made = _without_daemon(job, settings, plan)
    if choose(settings) is Topology.DAEMONLESS and needs_run(job):
        return with_daemon(made, settings, plan)
    return made


def with_daemon(made: PodTemplateSpec, settings: Settings, plan: str) -> PodTemplateSpec:
    """The template of a job without BuildKit, with a buildkitd beside it."""
    made = copy.deepcopy(made)
    spec = made.spec
    assert spec is not None  # noqa: S101 - as made
    container = spec.containers[0]
    container.args = [argument for argument in container.args or () if argument != WITHOUT]
    container.volumeMounts = [*(container.volumeMounts or ()), VolumeMount(name="socket", mountPath=SOCKET_FOLDER)]
    spec.initContainers = [_sidecar(settings)]
    # Its container only sees this file of the plan: the rest may contain a signed URL.
    items = [KeyToPath(key=daemon.CONFIG_FILE, path=daemon.CONFIG_FILE)]
    config = SecretVolumeSource(secretName=plan, items=items, defaultMode=_READABLE)
    spec.volumes = [
        *(spec.volumes or ()),
        Volume(name=_CONFIG, secret=config),
        *(Volume(name=name, emptyDir=EmptyDirVolumeSource()) for name in ("socket", "state")),
    ]
    return made


def _without_daemon(job: BuildJob, settings: Settings, plan: str) -> PodTemplateSpec:
    kubernetes = settings.kubernetes
    spec = PodSpec(
        containers=[_job_container(job, settings)],
        volumes=_volumes(job, settings, plan),
        restartPolicy="Never",
        serviceAccountName=kubernetes.service_account,
        # The job does not use the API server. Workload identity has its own tokens.
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        securityContext=restricted_pod(),
        nodeSelector=kubernetes.node_selector or None,
        tolerations=[toleration(t) for t in kubernetes.tolerations] or None,
        imagePullSecrets=[LocalObjectReference(name=n) for n in kubernetes.image_pull_secrets] or None,
        terminationGracePeriodSeconds=GRACE_SECONDS,
    )
    annotations = {
        # A moved build starts from scratch, so the autoscaler should wait for its end.
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        **kubernetes.pod_annotations,
    }
    labels = {**kubernetes.pod_labels, **build_labels(job)}
    return PodTemplateSpec(metadata=ObjectMeta(labels=labels, annotations=annotations), spec=spec)


def restricted_pod() -> PodSecurityContext:
    return PodSecurityContext(
        runAsNonRoot=True,
        runAsUser=daemon.USER,
        runAsGroup=daemon.USER,
        fsGroup=daemon.USER,
        fsGroupChangePolicy="OnRootMismatch",
        seccompProfile=SeccompProfile(type="RuntimeDefault"),
    )


def restricted_container() -> SecurityContext:
    return SecurityContext(
        allowPrivilegeEscalation=False,
        readOnlyRootFilesystem=True,
        capabilities=Capabilities(drop=["ALL"]),
    )


def toleration(asked: Toleration) -> PodToleration:
    return PodToleration(
        key=asked.key or None,
        operator=asked.operator,
        value=asked.value or None,
        effect=asked.effect or None,
    )


def resources(requests: dict[str, str], limits: dict[str, str]) -> ResourceRequirements:
    return ResourceRequirements(requests=dict(requests) or None, limits=dict(limits) or None)


def _job_container(job: BuildJob, settings: Settings) -> Container:
    kubernetes = settings.kubernetes
    mounts = [
        VolumeMount(name=PLAN, mountPath=PLAN_FOLDER, readOnly=True),
        VolumeMount(name="out", mountPath=OUT_FOLDER),
        VolumeMount(name="tmp", mountPath="/tmp"),  # noqa: S108 - the pod's own
    ]
    if _secret_names(job):
        mounts.append(VolumeMount(name="secrets", mountPath=SECRETS_FOLDER, readOnly=True))
    if client_secret(settings):
        mounts.append(VolumeMount(name="tls", mountPath=TLS_FOLDER, readOnly=True))
    mounts += daemon.ca_mounts(settings)
    return Container(
        name=CONTAINER,
        image=kubernetes.builder_image,
        command=["python", "-m", "boatyard_buildkit"],
        args=[
            f"--job={PLAN_FOLDER}/job.json",
            f"--out={OUT_FOLDER}",
            f"--secrets={SECRETS_FOLDER}",
            f"--buildkit={PLAN_FOLDER}/settings.json",
            f"--termination-log={TERMINATION_LOG}",
            *([WITHOUT] if begins_without(settings) else []),
        ],
        env=[EnvVar(name="HOME", value="/tmp"), EnvVar(name="PYTHONUNBUFFERED", value="1")],  # noqa: S108
        volumeMounts=mounts,
        resources=resources(kubernetes.job_requests, kubernetes.job_limits),
        securityContext=restricted_container(),
        terminationMessagePath=TERMINATION_LOG,
        terminationMessagePolicy="FallbackToLogsOnError",
    )


def _sidecar(settings: Settings) -> Container:
    """The sidecar (a restartable init container, enabled by default since 1.29). The job starts once it answers, and it
    ends with the job. User code runs in its container, separate from the job's token and registry logins."""
    kubernetes = settings.kubernetes
    return Container(
        name=DAEMON,
        image=kubernetes.buildkit_image,
        command=[*supervisor.COMMAND, supervisor.SCRIPT, supervisor.NAME],
        args=daemon.arguments(settings),
        env=daemon.ca_environment(settings),
        restartPolicy="Always",
        startupProbe=daemon.startup_probe(),
        volumeMounts=[
            VolumeMount(name=_CONFIG, mountPath=daemon.CONFIG_FOLDER, readOnly=True),
            VolumeMount(name="socket", mountPath=f"{daemon.RUN_FOLDER}/buildkit"),
            VolumeMount(name="state", mountPath=daemon.STATE_FOLDER),
            *daemon.ca_mounts(settings),
        ],
        resources=resources(kubernetes.requests, kubernetes.limits),
        securityContext=daemon.security(),
        terminationMessagePolicy="FallbackToLogsOnError",
    )


def _secret_names(job: BuildJob) -> list[tuple[str, str]]:
    """(kind, name) of each secret once; a name of both kinds is listed as the registry's."""
    names = {secret.name: BUILD_KIND for secret in job.secrets} | {n: PULL_KIND for n in job.registry_secrets}
    return [(kind, name) for name, kind in names.items()]


def _volumes(job: BuildJob, settings: Settings, plan: str) -> list[Volume]:
    volumes = [
        Volume(name=PLAN, secret=SecretVolumeSource(secretName=plan, defaultMode=_READABLE)),
        Volume(name="out", emptyDir=EmptyDirVolumeSource()),
        Volume(name="tmp", emptyDir=EmptyDirVolumeSource()),
    ]
    if names := _secret_names(job):
        scope = Scope(job.project, job.domain)
        # Optional: a pod would wait for a missing one without an error. The job reports SECRET_NOT_FOUND immediately.
        sources = [
            VolumeProjection(
                secret=SecretProjection(
                    name=secret_object_name(scope, kind, name),
                    optional=True,
                    items=[KeyToPath(key=SECRET_VALUE, path=name)],
                )
            )
            for kind, name in names
        ]
        volumes.append(Volume(name="secrets", projected=ProjectedVolumeSource(sources=sources, defaultMode=_READABLE)))
    if secret := client_secret(settings):
        volumes.append(Volume(name="tls", secret=SecretVolumeSource(secretName=secret, defaultMode=_READABLE)))
    return volumes + daemon.ca_volumes(settings)
