"""Makes a build's batch/v1 Job, and its plan as a Secret that the Job owns.

The plan is a Secret and not a ConfigMap because it may contain a signed URL and an index's password. It is created
after the Job, which starts suspended: so the Job's name is the lock, its uid is known for the owner reference, and no
pod waits for a missing plan. The plan's name is random and part of the Job's template, so a Job never uses another
Job's plan.
"""

import base64
import copy
from typing import Final

import msgspec
from lightkube.models.batch_v1 import (
    JobSpec,
    PodFailurePolicy,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
)
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Secret

from boatyard.build import Build
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.job import BuildJob
from boatyard.settings import Settings
from boatyard_kubernetes.daemon import CA_FOLDER, CONFIG_FILE, buildkitd_toml
from boatyard_kubernetes.facts import label, name_of, namespace_of, plan_of
from boatyard_kubernetes.names import AFTER, BUILD, NUMBER, RECORD, build_labels, job_name, plan_name, second_name
from boatyard_kubernetes.pod import CONTAINER, template, with_daemon
from boatyard_kubernetes.topology import Topology, access_file, choose

_OF_CONTROLLER: Final = ("batch.kubernetes.io/", "controller-uid", "job-name")
"""Labels that the API server gives the pods of one Job."""
_LARGEST_PLAN: Final = 1024 * 1024
"""Bytes of a Secret's data (core/v1 MaxSecretSize)."""
_RESTARTS: Final = 3
_SPARE_SECONDS: Final = 60
"""Time beyond a job's own timeout, so that it can end by itself and report more than a killed one can."""


def job_object(job: BuildJob, build: Build, number: int, settings: Settings, namespace: str) -> Job:
    """The suspended Job. `number` orders lists: microseconds since 1970.

    Raises DATAPLANE_UNAVAILABLE if the settings name no image for jobs.
    """
    kubernetes = settings.kubernetes
    if not kubernetes.builder_image:
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE, "the settings name no kubernetes.builderImage; `make builder-image` makes one"
        )
    return Job(
        metadata=ObjectMeta(
            name=job_name(job.id),
            namespace=namespace,
            labels=build_labels(job),
            annotations={RECORD: msgspec.json.encode(build).decode(), NUMBER: str(number)},
        ),
        spec=JobSpec(
            suspend=True,
            parallelism=1,
            completions=1,
            backoffLimit=_RESTARTS,
            podReplacementPolicy="Failed",
            podFailurePolicy=_failure_policy(),
            activeDeadlineSeconds=job.timeout_seconds + kubernetes.start_seconds + _SPARE_SECONDS,
            ttlSecondsAfterFinished=kubernetes.ttl_seconds,
            template=template(job, settings, plan_name(job.id)),
        ),
    )


def second_job(first: Job, settings: Settings) -> Job:
    """The Job with BuildKit that goes on with the build of a Job without one, by the same plan."""
    assert first.metadata is not None and first.spec is not None  # noqa: S101 - as read
    plan = plan_of(first)
    assert plan is not None  # noqa: S101 - as `job_object` made it
    pod = with_daemon(first.spec.template, settings, plan)
    assert pod.metadata is not None  # noqa: S101 - as `job_object` made it
    labels = pod.metadata.labels or {}
    pod.metadata.labels = {name: value for name, value in labels.items() if not name.startswith(_OF_CONTROLLER)}
    spec = copy.copy(first.spec)
    spec.template, spec.selector, spec.suspend = pod, None, False
    kept = first.metadata.annotations or {}
    return Job(
        metadata=ObjectMeta(
            name=second_name(label(first, BUILD)),
            namespace=namespace_of(first),
            labels=first.metadata.labels,
            annotations={RECORD: kept[RECORD], NUMBER: kept.get(NUMBER, ""), AFTER: first.metadata.uid or ""},
        ),
        spec=spec,
    )


def owners_of_plan(*jobs: Job) -> list[OwnerReference]:
    """The plan goes when the last of these Jobs is gone. The first one is its controller."""
    return [
        OwnerReference(
            apiVersion="batch/v1",
            kind="Job",
            name=name_of(job),
            uid=(job.metadata and job.metadata.uid) or "",
            # blockOwnerDeletion stays unset: where OwnerReferencesPermissionEnforcement is on (OpenShift)
            # it needs a right on jobs/finalizers.
            controller=True if job is jobs[0] else None,
        )
        for job in jobs
    ]


def plan_object(job: BuildJob, owner: Job, settings: Settings) -> Secret:
    """The plan's Secret. Raises INVALID_SPEC for a plan that is too large for a Secret."""
    assert owner.metadata is not None and owner.metadata.name and owner.metadata.uid  # noqa: S101 - as created
    plan = plan_of(owner)
    assert plan is not None  # noqa: S101 - as `job_object` made it
    if settings.kubernetes.ca_config_map:
        network = msgspec.structs.replace(job.network, ca_bundle=f"{CA_FOLDER}/ca.crt")
        job = msgspec.structs.replace(job, network=network)
    files = {"job.json": msgspec.json.encode(job), "settings.json": access_file(settings, job)}
    if choose(settings) is Topology.DAEMONLESS:
        files[CONFIG_FILE] = buildkitd_toml(settings).encode()
    size = sum(map(len, files.values()))
    if size > _LARGEST_PLAN:
        raise invalid(f"the plan has {size:,} bytes; in a cluster at most {_LARGEST_PLAN:,} are possible", field="spec")
    return Secret(
        metadata=ObjectMeta(
            name=plan,
            namespace=owner.metadata.namespace,
            labels=build_labels(job),
            ownerReferences=owners_of_plan(owner),
        ),
        type="Opaque",
        immutable=True,
        data={name: base64.b64encode(data).decode() for name, data in files.items()},
    )


def _failure_policy() -> PodFailurePolicy:
    """The loss of a node is not a failure: the pod is replaced, however often. The job's own end is always final: its
    result says whether a retry can help. Other failures, of pods that never ran, are retried up to the backoff
    limit."""
    return PodFailurePolicy(
        rules=[
            PodFailurePolicyRule(
                action="Ignore",
                onPodConditions=[PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget", status="True")],
            ),
            PodFailurePolicyRule(
                action="FailJob",
                onExitCodes=PodFailurePolicyOnExitCodesRequirement(
                    containerName=CONTAINER, operator="NotIn", values=[0]
                ),
            ),
        ]
    )
