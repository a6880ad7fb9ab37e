"""The doctor tells what will work and what to change."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.job import JobResult
from boatyard.ports import Scope
from boatyard.settings import Settings
from boatyard_buildkit.termination import brief
from boatyard_kubernetes import connect
from boatyard_kubernetes.doctor import Diagnosis, Finding, Verdict, doctor_cluster
from boatyard_kubernetes.topology import Topology
from tests.kubernetes.loopback.cluster import ADMIN_TOKEN
from tests.kubernetes.loopback.hands import HandNode
from tests.kubernetes.loopback.kubelet import ProcessKubelet
from tests.kubernetes.loopback.rbac import User
from tests.kubernetes.site import NAMESPACE, Site, settings, site

SCOPE = Scope("default", "development")


def diagnose(it: Site, chosen: Settings | None = None, token: str = ADMIN_TOKEN, **options: Any) -> Diagnosis:
    cluster = connect(it.cluster.kubeconfig(token))
    return doctor_cluster(cluster, chosen or it.settings, SCOPE, wait_seconds=0.2, **options)


def finding(found: Diagnosis, check: str) -> Finding:
    return next(f for f in found.findings if f.check == check)


def probed(it: Site, facts: dict[str, Any]) -> Diagnosis:
    """The probe's pod says `facts` of its node."""
    node = HandNode(it.cluster)

    def answer(_: float) -> None:
        for job in it.cluster.objects("Job"):
            name = job["metadata"]["name"]
            if name.startswith("boatyard-doctor") and node.pods(name)[0]["status"]["phase"] == "Pending":
                node.start(name)
                node.end(name, 0, msgspec.json.encode(facts).decode())

    return doctor_cluster(connect(it.cluster.kubeconfig()), it.settings, SCOPE, wait_seconds=5, pause=answer)


GOOD = {"namespaces": 100, "unshared": True, "seccomp": 0, "apparmor": "", "restricted": False}


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({}, Verdict.OK, "can be made"),
        ({"namespaces": 0, "unshared": False}, Verdict.FAILED, "max_user_namespaces is 0"),
        ({"unshared": False, "restricted": True}, Verdict.FAILED, "AppArmor keeps"),
        ({"unshared": False, "seccomp": 2}, Verdict.FAILED, "cannot be made"),
        ({"seccomp": 2}, Verdict.WARNING, "seccomp filter"),
    ],
)
def test_user_namespaces_are_judged_from_inside_a_pod(facts: dict[str, Any], verdict: Verdict, words: str) -> None:
    with site() as (it, _):
        found = probed(it, {**GOOD, **facts})
        seen = finding(found, "user namespaces")
        assert seen.verdict is verdict and words in seen.text, seen
        assert bool(seen.advice) is (verdict is not Verdict.OK)
        assert found.healthy is (verdict is not Verdict.FAILED)
        assert found.works[-1] is Topology.EXTERNAL and (len(found.works) == 1) is (verdict is Verdict.FAILED)
        assert not it.cluster.objects("Job"), "the probe is taken away"


def test_the_probe_runs_for_real(tmp_path: Path) -> None:
    with site(ticking=False) as (it, _):
        kubelet = ProcessKubelet(
            it.cluster, tmp_path, images={"registry.test/builder:1"}, programs={"python": [sys.executable]}
        )
        try:
            found = doctor_cluster(connect(it.cluster.kubeconfig()), it.settings, SCOPE, wait_seconds=20)
        finally:
            kubelet.close()
        seen = finding(found, "user namespaces")
        assert seen.verdict is not Verdict.UNKNOWN, seen


def test_pod_security_that_refuses_the_daemon_is_named() -> None:
    with site() as (it, _):
        it.cluster.store.change(
            _namespaces(),
            "",
            NAMESPACE,
            lambda o: o["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "restricted"}),
        )
        seen = finding(diagnose(it), "user namespaces")
        assert seen.verdict is Verdict.FAILED and "PodSecurity" in seen.text and "managed buildkitd" in seen.advice


def test_missing_rights_are_listed() -> None:
    with site() as (it, _):
        it.cluster.users["nobody"] = User("nobody")
        found = diagnose(it, settings(namespaces=[NAMESPACE]), token="nobody")
        seen = finding(found, "rbac")
        assert seen.verdict is Verdict.FAILED and "create jobs.batch in default-development" in seen.text
        assert "get pods/log in default-development" in seen.text and not found.healthy
        assert found.advice == seen.advice
        assert finding(found, "nodes").verdict is Verdict.UNKNOWN
        mine = diagnose(it, token="function-token")
        assert finding(mine, "rbac").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("labels", "image", "name", "words"),
    [
        ({"eks.amazonaws.com/compute-type": "auto"}, "Bottlerocket (EKS Auto)", "i-1", "EKS Auto Mode"),
        ({}, "Bottlerocket OS 1.40.0", "ip-1", "user.max_user_namespaces=0"),
        ({}, "Container-Optimized OS from Google", "gk3-pool-1", "GKE Autopilot"),
    ],
)
def test_platforms_that_cannot_run_it_are_known(labels: dict[str, str], image: str, name: str, words: str) -> None:
    with site() as (it, _):
        _node(it, name, labels, image)
        found = diagnose(it)
        seen = finding(found, "nodes")
        assert seen.verdict is Verdict.FAILED and words in seen.text and found.works == (Topology.EXTERNAL,)
        _node(it, "ip-2", {}, "Ubuntu 24.04")
        assert finding(diagnose(it), "nodes").verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("kind", "annotations", "labels", "verdict"),
    [
        ("noop", {}, {}, Verdict.OK),
        ("aws", {}, {}, Verdict.WARNING),
        ("aws", {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/b"}, {}, Verdict.OK),
        ("google", {"iam.gke.io/gcp-service-account": "b@p.iam.gserviceaccount.com"}, {}, Verdict.OK),
        ("azure", {"azure.workload.identity/client-id": "1"}, {}, Verdict.FAILED),
        ("azure", {"azure.workload.identity/client-id": "1"}, {"azure.workload.identity/use": "true"}, Verdict.OK),
    ],
)
def test_workload_identity(kind: str, annotations: dict[str, str], labels: dict[str, str], verdict: Verdict) -> None:
    chosen = settings(serviceAccount="builder", podLabels=labels)
    chosen = msgspec.structs.replace(chosen, authentication_type=kind, buildkit_uri="tcp://elsewhere:1234")
    with site(chosen) as (it, _):
        assert finding(diagnose(it), "workload identity").verdict is Verdict.FAILED, "there is no such account"
        metadata = {"name": "builder", "namespace": NAMESPACE, "annotations": annotations}
        it.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        assert finding(diagnose(it), "workload identity").verdict is verdict


@pytest.mark.parametrize("denied", [False, True])
def test_pushes_are_tried_the_way_builds_push(denied: bool) -> None:
    chosen = msgspec.structs.replace(settings(), default_repository="r.test/images", buildkit_uri="tcp://elsewhere:1")
    with site(chosen) as (it, node):

        def play(_: float) -> None:
            for job in it.cluster.objects("Job"):
                name = job["metadata"]["name"]
                if not job.get("status", {}).get("startTime") or node.pods(name)[-1]["status"]["phase"] != "Pending":
                    continue
                node.start(name)
                if denied:
                    from boatyard.lifecycle import failure

                    result = JobResult(state=State.FAILED, error=failure("PUSH_DENIED", "403 from r.test"))
                    node.end(name, 1, brief(result).decode())
                else:
                    node.end(name, 0, brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "a" * 64)).decode())

        found = doctor_cluster(it.api, chosen, SCOPE, runner=it.runner, wait_seconds=5, pause=play)
        seen = finding(found, "registry push")
        assert seen.verdict is (Verdict.FAILED if denied else Verdict.OK), seen
        assert ("PUSH_DENIED" in seen.text and "Grant" in seen.advice) is denied


def _node(it: Site, name: str, labels: dict[str, str], image: str) -> None:
    info = dict.fromkeys(
        (
            "architecture",
            "bootID",
            "containerRuntimeVersion",
            "kernelVersion",
            "kubeProxyVersion",
            "kubeletVersion",
            "machineID",
            "operatingSystem",
            "systemUUID",
        ),
        "",
    )
    from tests.kubernetes.loopback.resources import BY_KIND

    resource = BY_KIND["v1", "Node"]
    status = {"nodeInfo": {**info, "osImage": image}}
    metadata = {"name": name, "labels": labels}
    it.cluster.store.add(resource, {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status})


def _namespaces() -> Any:
    from tests.kubernetes.loopback.resources import BY_KIND

    return BY_KIND["v1", "Namespace"]
