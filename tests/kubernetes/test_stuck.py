"""A pod with a permanent problem ends its build soon, with advice; a pod that may still start gets time. Crashes are
quoted, and exceeded limits name the owner of the resources."""

from typing import Any

import pytest
from lightkube.models.core_v1 import PodSpec

from boatyard.build import Build, State
from boatyard_kubernetes.advice import advice
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.job_controller import PODS
from tests.kubernetes.loopback.node import set_state
from tests.kubernetes.site import Site, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)


def after(it: Site, seconds: float) -> Build:
    it.clock.sleep(seconds)
    build = it.runner.status(ID)
    assert build
    return build


@pytest.mark.parametrize(
    ("reason", "message", "soon"),
    [
        ("InvalidImageName", "couldn't parse image reference", 1),
        ("ErrImageNeverPull", 'Container image "x" is not present with pull policy of Never', 1),
        ("ImagePullBackOff", 'Back-off pulling image "x": not found', 130),
        ("CreateContainerConfigError", 'secret "x" not found', 130),
        ("RunContainerError", "exec: no such file", 130),
    ],
)
def test_a_container_that_cannot_start(reason: str, message: str, soon: float) -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.do("bind", NAME)
        node.do("waiting", NAME, "build", reason, message)
        if soon > 100:
            assert after(it, 60).state is State.QUEUED, "somebody may be about to fix it"
        build = after(it, soon)
        assert build.state is State.ERRORED and build.error and build.error.code == "DATAPLANE_DENIED"
        assert message in build.error.message and not build.error.retryable


def test_a_node_that_came_late_takes_nothing_from_the_time_to_pull() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.do("unschedulable", NAME, "0/3 nodes are available")
        assert after(it, 400).state is State.QUEUED
        node.do("bind", NAME)
        node.do("waiting", NAME, "build", "ErrImagePull", "connection reset")
        assert after(it, 60).state is State.QUEUED
        assert after(it, 61).state is State.ERRORED


def test_a_job_that_lay_suspended_for_long_has_all_its_time_once_it_is_released() -> None:
    from tests.kubernetes.site import dying

    with site(settings(startSeconds=300)) as (it, _):
        dying(it, "PATCH", "/jobs/")
        it.clock.sleep(1000)
        assert it.runner.ensure(job(), tag(), force=False).joined
        assert after(it, 1).state is State.QUEUED


@pytest.mark.parametrize(
    ("message", "stuck"),
    [
        ('MountVolume.SetUp failed for volume "tls" : secret "boatyard-buildkit-client" not found', True),
        ('MountVolume.SetUp failed for volume "ca" : configmap "company-ca" not found', True),
        ('MountVolume.SetUp failed for volume "x" : references non-existent secret key: ca.pem', True),
        ("Unable to attach or mount volumes: timed out waiting for the condition", False),
    ],
)
def test_a_volume_that_cannot_be_mounted(message: str, stuck: bool) -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.do("bind", NAME)
        it.cluster.events.tell(node.pod(NAME), "Warning", "FailedMount", message)
        build = after(it, 130)
        assert (build.state is State.ERRORED) is stuck
        if stuck:
            assert build.error and build.error.code == "DATAPLANE_DENIED" and message in build.error.message


def test_a_quota_that_is_used_up_is_waited_for() -> None:
    with site() as (it, _):
        quota = {"metadata": {"name": "q", "namespace": "default-development"}, "spec": {"hard": {"pods": "0"}}}
        it.cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        it.runner.ensure(job(), tag(), force=False)
        build = after(it, 200)
        assert build.state is State.QUEUED and build.step and "raise the quota" in build.step.title


def test_what_a_buildkitd_said_as_it_crashed_is_told() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.do("bind", NAME)
        pod = node.pod(NAME)
        container = pod["spec"]["initContainers"][0]
        end = {"exitCode": 1, "reason": "Error", "message": "one\n[rootlesskit:parent] error: failed to start\n"}
        for _ in range(3):
            set_state(pod, container, {"waiting": {"reason": "CrashLoopBackOff"}}, last={"terminated": end})
        it.cluster.store.replace(PODS, pod)
        build = after(it, 60)
        assert build.state is State.QUEUED and build.step
        words = "buildkitd crashes (CrashLoopBackOff): it ended with exit code 1: [rootlesskit:parent] error: failed"
        assert words in build.step.title
        build = after(it, 70)
        assert build.error and build.error.code == "DATAPLANE_DENIED" and words in build.error.message


def pod_of(*, sidecar: bool) -> PodSpec:
    def container(name: str, requests: dict[str, str], limits: dict[str, str]) -> dict[str, Any]:
        return {"name": name, "image": "i", "resources": {"requests": requests, "limits": limits}}

    made = {"containers": [container("build", {"memory": "256Mi", "cpu": "200m"}, {"memory": "1Gi"})]}
    if sidecar:
        made["initContainers"] = [container("buildkitd", {"memory": "2Gi", "cpu": "1"}, {"memory": "8Gi"})]
    return PodSpec.from_dict(made)


JOB, DAEMON = "kubernetes.jobRequests and .jobLimits", "kubernetes.requests and .limits"


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("maximum memory usage per Container is 512Mi, but limit is 1Gi", [JOB]),
        ("maximum memory usage per Container is 4Gi, but limit is 8Gi", [DAEMON]),
        ("maximum memory usage per Container is 512Mi, but limit is 1024Mi", [JOB]),
        ("minimum cpu usage per Container is 500m, but request is 200m", [JOB]),
        ("maximum cpu usage per Container is 500m, but request is 1", [DAEMON]),
        ("[minimum cpu usage per Container is 2, but request is 200m, minimum cpu usage per Container is 2, but "
         "request is 1]", [JOB, DAEMON]),
        ("maximum memory usage per Pod is 2Gi, but limit is 9663676416", [JOB, DAEMON]),
        ("cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000", [JOB, DAEMON]),
        ('spec.containers[0].resources.requests: Invalid value: "200m": must be less than or equal to cpu limit of '
         "100m", [JOB]),
        ('spec.initContainers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of '
         "500m", [DAEMON]),
        ("failed quota: q: must specify limits.cpu for: build", [JOB]),
        ("failed quota: q: must specify limits.cpu for: build,buildkitd", [JOB, DAEMON]),
        ("exceeded quota: q, requested: limits.memory=9Gi", [JOB, DAEMON]),
    ],
)  # fmt: skip
def test_whose_resources_are_meant(message: str, named: list[str]) -> None:
    told = advice(f'pods "x" is forbidden: {message}', pod_of(sidecar=True))
    assert [text for text in (JOB, DAEMON) if text in told] == named, told
    alone = advice(f'pods "x" is forbidden: {message}', pod_of(sidecar=False))
    assert JOB in alone and DAEMON not in alone, "a pod without buildkitd has one pair only"


@pytest.mark.parametrize("message", ["", "no idea", 'violates PodSecurity "restricted": seccompProfile'])
def test_what_is_no_question_of_resources_names_none(message: str) -> None:
    told = advice(message, pod_of(sidecar=True))
    assert JOB not in told and DAEMON not in told


def test_a_buildkitd_that_starts_slowly_is_told_and_waited_for() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.do("bind", NAME)
        words = "Startup probe failed: error: failed to list workers: Unavailable: connection error"
        it.cluster.events.tell(node.pod(NAME), "Warning", "Unhealthy", words)
        build = after(it, 300)
        assert build.state is State.QUEUED and build.step and words in build.step.title
