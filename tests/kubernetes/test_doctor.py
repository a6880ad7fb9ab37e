"""The doctor tells what will work and what to change."""

from typing import Any

import msgspec
import pytest

from boatyard.finding import Level
from boatyard.settings import Settings
from boatyard_kubernetes.certificates import certificate_secrets
from boatyard_kubernetes.doctor.rights import Person
from tests.kubernetes.doctors import NODE, PLACE, add_node, examine, label_namespace
from tests.kubernetes.loopback.rbac import User
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import FUNCTION, HOME, NAMESPACE, TOKEN, settings, site

ME = f"system:serviceaccount:{HOME}:{FUNCTION}"
EXTERNAL = msgspec.structs.replace(settings(), buildkit_uri="tcp://elsewhere:1234")


def managed(**kubernetes: Any) -> Settings:
    return msgspec.convert({"kubernetes": {"builderImage": "registry.test/builder:1", **kubernetes}}, Settings)


def test_a_healthy_cluster_is_well_in_every_check_and_every_topology() -> None:
    chosen = msgspec.structs.replace(settings(), default_repository="r.test/images")
    chosen = msgspec.structs.replace(chosen, cache=msgspec.structs.replace(chosen.cache, repository="r.test/cache"))
    with site(chosen) as (it, _):
        add_node(it, "n-1")
        report = examine(it, push=True)
        assert {f.status for f in report.findings.values()} == {Level.OK}, report.findings
        assert list(report.findings) == [
            "namespace",
            "rbac",
            "admission",
            "builder image",
            "workload identity",
            "nodes",
            "user namespaces",
            "seccomp",
            "apparmor",
            "privilege escalation",
            "registry push",
            "cache push",
        ]
        assert report.works == ["managed", "daemonless", "external"] and report.advice == ""
        assert "r.test/images/boatyard-doctor:" in report["registry push"].detail
        assert report["cache push"].detail == "pushed r.test/cache:boatyard-doctor"
        assert any("a pod like a build's" in text for text in report.waited)


@pytest.mark.parametrize(
    ("facts", "check", "level", "words", "advice"),
    [
        (
            {"namespaces": 0, "unshare": 28, "mount": None},
            "user namespaces",
            "fail",
            "max_user_namespaces is 0",
            "Bottle",
        ),
        ({"unshare": 38, "mount": None}, "user namespaces", "fail", "has no user namespaces", "nodeSelector"),
        ({"unshare": 1, "mount": None, "seccomp": 2}, "seccomp", "fail", "a filter is on", "seccompProfile"),
        ({"mount": 1, "seccomp": 2}, "seccomp", "fail", "refuses what BuildKit needs", "seccompProfile"),
        ({"seccomp": 2}, "seccomp", "warn", "a filter is on", "RUN steps may fail"),
        ({"unshare": 13, "mount": None, "appArmorRestricts": True}, "apparmor", "fail", "Ubuntu", "userns=0"),
        ({"mount": 13, "appArmorRestricts": True}, "apparmor", "fail", "Ubuntu", "userns=0"),
        ({"mount": 13, "appArmor": "cri-containerd.apparmor.d (enforce)"}, "apparmor", "fail", "cri-con", "appArmorP"),
        ({"appArmor": "cri-containerd.apparmor.d (enforce)"}, "apparmor", "warn", "cri-containerd", "RUN steps"),
        ({"mount": 13, "appArmor": "system_u:system_r:container_t:s0"}, "user namespaces", "fail", "mount", "SELinux"),
        ({"noNewPrivileges": True}, "privilege escalation", "fail", "newuidmap", "allowPrivilegeEscalation"),
    ],
)
def test_who_forbids_what_buildkit_needs_is_told_apart(
    facts: dict[str, Any], check: str, level: str, words: str, advice: str
) -> None:
    with site() as (it, _):
        report = examine(it, node={**NODE, **facts})
        seen = report[check]
        assert seen.status == level and words in seen.detail and advice in seen.advice, seen
        assert report.works == (["external"] if level == "fail" else ["managed", "daemonless", "external"])
        blamed = {f.check for f in report.findings.values() if f.status is Level.FAIL} - {"user namespaces"}
        assert blamed <= {check}, "nobody else is blamed"
        if level == "fail":
            assert "set buildkitUri to a buildkitd elsewhere: external will work" in report.advice


def test_the_probes_are_what_they_stand_for() -> None:
    """Labels, account and security are what webhooks, policies and admission go by."""
    chosen = settings(serviceAccount="builder", podLabels={"who": "me"}, podAnnotations={"a": "b"})
    with site(chosen) as (it, _):
        metadata = {"name": "builder", "namespace": NAMESPACE}
        it.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        jobs = {job["metadata"]["name"][:21].rstrip("-"): job for job in examine(it).jobs}
        place = jobs["boatyard-doctor-place"]["spec"]["template"]
        assert place["spec"]["serviceAccountName"] == "builder"
        assert place["metadata"]["labels"]["app.kubernetes.io/component"] == "build"
        assert place["metadata"]["labels"]["who"] == "me" and place["metadata"]["annotations"] == {"a": "b"}
        node = next(job for name, job in jobs.items() if name.startswith("boatyard-doctor-node"))["spec"]["template"]
        assert node["spec"]["containers"][0]["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
        assert all(job["spec"]["ttlSecondsAfterFinished"] for job in jobs.values())
        assert not it.runner.list(_everything()).builds, "a probe is no build"


def test_pod_security_decides_which_topologies_there_are() -> None:
    with site() as (it, _):
        label_namespace(it, "restricted")
        report = examine(it)
        seen = report["admission"]
        assert seen.status is Level.FAIL and "PodSecurity" in seen.detail and "=privileged" in seen.advice
        assert "external" in report.works and "daemonless" not in report.works
        it.cluster.namespace("boatyard-buildkit", level="privileged")
        it.cluster.apply(*_client_secret(managed()))
        assert examine(it)["admission"].status is Level.FAIL
        assert "managed" in examine(it).works, "nobody has deployed it, but it would be let in"
        not_deployed = examine(it, managed())["admission"]
        assert '"buildkitd" not found' in not_deployed.detail and "manifests" in not_deployed.advice
        it.cluster.apply(_account("boatyard-buildkit", "buildkitd"))
        well = examine(it, managed())
        assert well.chosen.status is Level.OK and well.works == ["managed", "external"]
        label_namespace(it, "baseline", "boatyard-buildkit")
        ill = examine(it, managed())
        assert "Label boatyard-buildkit" in ill["admission"].advice and ill.works == ["external"]


def test_the_managed_buildkitds_namespace_has_to_be_there() -> None:
    with site() as (it, _):
        report = examine(it, managed())
        assert "boatyard-buildkit does not exist" in report["admission"].detail
        assert "manifests" in report["admission"].advice


def test_what_is_decided_for_a_buildkit_elsewhere_is_no_failure() -> None:
    with site() as (it, _):
        add_node(it, "n-1", image="Bottlerocket OS 1.40.0")
        report = examine(it, EXTERNAL, node={**NODE, "namespaces": 0, "unshare": 28, "mount": None})
        assert report["nodes"].status is Level.WARN and report["user namespaces"].status is Level.WARN
        assert report.works == ["external"] and report.advice == ""


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
        add_node(it, name, labels, image)
        report = examine(it, node=None, wait_seconds=0)
        seen = report["nodes"]
        assert seen.status is Level.FAIL and words in seen.detail and report.prospects["daemonless"].status == "fail"
        raised = examine(it)
        assert raised["nodes"].status is Level.WARN and "the one that was tried has it" in raised["nodes"].detail
        add_node(it, "ip-2")
        assert examine(it, node=None, wait_seconds=0)["nodes"].status is Level.WARN


def test_the_functions_rights_are_asked_for_the_function() -> None:
    chosen = settings(namespaces=[NAMESPACE])
    with site(chosen) as (it, _):
        assert examine(it)["rbac"].detail.startswith(f"{ME} may do all")
        group = examine(it, function=Person("", ("boatyard:x:function",)))["rbac"]
        assert group.status is Level.FAIL and group.detail.startswith("the group boatyard:x:function may not create, ")
        role = it.cluster.objects("Role")[0]
        role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["pods/log"]]
        it.cluster.store.replace(_kind("rbac.authorization.k8s.io/v1", "Role"), role)
        report = examine(it)
        assert report["rbac"].detail == f"{ME} may not get pods/log in default-development"
        assert "manifests" in report["rbac"].advice and report.works == [], "an administrator's rights do not help it"
        it.cluster.store.remove(_kind("rbac.authorization.k8s.io/v1", "RoleBinding"), NAMESPACE, "boatyard-function")
        none = examine(it)["rbac"]
        assert none.status is Level.FAIL and "no RoleBinding boatyard-function" in none.detail and "--as" in none.advice


def test_who_may_not_ask_for_others_is_asked_about() -> None:
    with site() as (it, _):
        it.cluster.users["nobody"] = User("nobody")
        report = examine(it, settings(namespaces=[NAMESPACE]), token="nobody")
        seen = report["rbac"]
        assert seen.status is Level.FAIL and "create, delete, list, patch jobs.batch in default" in seen.detail
        assert "get pods/log in default-development" in seen.detail and report.works == []
        assert report["nodes"].status is Level.UNKNOWN and report["admission"].status is Level.UNKNOWN
        mine = examine(it, token=TOKEN)
        assert mine["rbac"].status is Level.WARN and "--as" in mine["rbac"].advice


def test_who_may_only_read_is_no_proof_against_builds() -> None:
    with site() as (it, _):
        it.cluster.users["reader"] = User("reader")
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
        group = "rbac.authorization.k8s.io"
        for obj in (
            {"kind": "ClusterRole", "rules": rules},
            {
                "kind": "ClusterRoleBinding",
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "reader"},
                "subjects": [{"kind": "User", "name": "reader", "apiGroup": group}],
            },
        ):
            it.cluster.apply({"apiVersion": f"{group}/v1", "metadata": {"name": "reader"}, **obj})
        report = examine(it, token="reader", push=True)
        for check in ("rbac", "admission", "builder image", "user namespaces"):
            seen = report[check]
            assert seen.status is Level.UNKNOWN and "you may not create" in seen.detail, seen
        assert "somebody who may" in report["rbac"].advice
        assert report.chosen.status is Level.UNKNOWN and report.advice


@pytest.mark.parametrize(
    ("kind", "annotations", "labels", "seen", "level", "words"),
    [
        ("noop", {}, {}, None, "ok", "needs none"),
        ("aws", {}, {}, {"kind": ""}, "warn", "no Pod Identity association"),
        ("aws", {"eks.amazonaws.com/role-arn": "arn:r"}, {}, {"kind": ""}, "fail", "but pods get no role"),
        (
            "aws",
            {"eks.amazonaws.com/role-arn": "arn:r"},
            {},
            {"kind": "irsa", "role": "arn:r"},
            "ok",
            "are arn:r (IRSA)",
        ),
        ("aws", {}, {}, {"kind": "irsa", "role": "arn:r", "problem": "Permission denied"}, "fail", "Permission denied"),
        ("aws", {}, {}, {"kind": "pod-identity"}, "ok", "EKS Pod Identity"),
        ("aws", {}, {}, {"kind": "pod-identity", "agent": "Connection refused"}, "fail", "Connection refused"),
        ("google", {}, {}, {"kind": "", "problem": "unknown host"}, "warn", "no metadata server"),
        ("google", {}, {}, {"kind": "metadata", "role": "1-compute@developer.gserviceaccount.com"}, "fail", "node's"),
        ("google", {}, {}, {"kind": "metadata", "role": "p.svc.id.goog"}, "ok", "p.svc.id.goog"),
        (
            "google",
            {"iam.gke.io/gcp-service-account": "b@p.iam.gserviceaccount.com"},
            {},
            {"kind": "metadata", "role": "p.svc.id.goog"},
            "fail",
            "but pods are p.svc.id.goog",
        ),
        ("azure", {}, {}, {"kind": ""}, "fail", "lack the webhook's label"),
        ("azure", {}, {"azure.workload.identity/use": "true"}, {"kind": ""}, "fail", "no federated token"),
        ("azure", {}, {"azure.workload.identity/use": "true"}, {"kind": "federated"}, "fail", "no client id"),
        ("azure", {}, {"azure.workload.identity/use": "true"}, {"kind": "federated", "role": "1"}, "ok", "client 1"),
    ],
)
def test_workload_identity_is_what_a_pod_has(
    kind: str, annotations: dict[str, str], labels: dict[str, str], seen: Any, level: str, words: str
) -> None:
    chosen = msgspec.structs.replace(settings(serviceAccount="builder", podLabels=labels), authentication_type=kind)
    with site(chosen) as (it, _):
        absent = examine(it)
        assert absent["workload identity"].status is Level.FAIL and "no service account builder" in str(absent.findings)
        metadata = {"name": "builder", "namespace": NAMESPACE, "annotations": annotations}
        it.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        found = examine(it, place={**PLACE, "identity": seen})["workload identity"]
        assert found.status == level and words in found.detail, found
        assert bool(found.advice) is (level != "ok")


@pytest.mark.parametrize(
    ("stage", "words", "advice"),
    [
        ("name", "its name is not known", "StatefulSet"),
        ("timeout", "does not answer", "network policies"),
        ("connect", "no connection", "listens"),
        ("server", "not trusted", "certificates"),
        ("client", "does not take the client's certificate", "certificates"),
        ("tls", "TLS fails", "--tlscacert"),
        ("closed", "hangs up", "clientCertificateSecret"),
        ("protocol", "something else answers", "port"),
    ],
)
def test_how_far_a_build_gets_to_its_buildkitd(stage: str, words: str, advice: str) -> None:
    with site() as (it, _):
        report = examine(it, EXTERNAL, place={**PLACE, "buildkitd": [{"stage": stage, "error": "so it is"}]})
        seen = report["buildkitd"]
        assert seen.status is Level.FAIL and words in seen.detail and "elsewhere:1234" in seen.detail
        assert advice in seen.advice and report.chosen.status is Level.FAIL
        assert report.works == ["managed", "daemonless"] and "managed will work" in report.advice


def test_every_replica_is_reached_and_its_certificate_looked_at() -> None:
    chosen = managed(replicas=2)
    with site(chosen) as (it, _):
        it.cluster.namespace("boatyard-buildkit", accounts=("buildkitd",))
        missing = examine(it, chosen, place={**PLACE, "buildkitd": [{"stage": "", "error": ""}] * 2})
        assert "has no Secret boatyard-buildkit-client" in missing["buildkitd"].detail
        it.cluster.apply(*_client_secret(chosen))
        good = {"stage": "", "error": "", "expires": "Jan  1 00:00:00 2999 GMT"}
        well = examine(it, chosen, place={**PLACE, "buildkitd": [good, good]})["buildkitd"]
        assert well.status is Level.OK and "buildkitd-1.buildkitd.boatyard-buildkit.svc:1234" in well.detail
        ends = {**good, "expires": "Jan  1 00:00:00 2020 GMT"}
        soon = examine(it, chosen, place={**PLACE, "buildkitd": [good, ends]})["buildkitd"]
        assert soon.status is Level.WARN and "its certificate ends in 0 days" in soon.detail
        bad = {"stage": "connect", "error": "Connection refused"}
        half = examine(it, chosen, place={**PLACE, "buildkitd": [good, bad]})["buildkitd"]
        assert half.status is Level.FAIL and "buildkitd-1." in half.detail and "1 of 2" in half.detail


@pytest.mark.parametrize("uri", ["unix:///run/buildkit.sock", "tcp://host", "tcp://host:x", "docker-container://b"])
def test_a_buildkitd_that_no_pod_can_reach_is_named(uri: str) -> None:
    with site() as (it, _):
        seen = examine(it, msgspec.structs.replace(settings(), buildkit_uri=uri))["buildkitd"]
        assert seen.status is Level.FAIL and uri in seen.detail and "tcp://host:port" in seen.advice


def test_an_image_without_what_a_job_needs_is_named() -> None:
    with site() as (it, _):
        report = examine(it, place={**PLACE, "missing": ["buildctl"]})
        assert "lacks buildctl" in report["builder image"].detail and report.works == []


def test_settings_that_name_no_image_are_told_how_to_make_one() -> None:
    with site() as (it, _):
        report = examine(it, settings(builderImage=""))
        assert report["builder image"].status is Level.FAIL and "make builder-image" in report["builder image"].advice
        assert report.works == [] and it.cluster.objects("Pod") == []


@pytest.mark.parametrize("denied", ["", "r.test/images", "r.test/cache"])
def test_pushes_are_tried_the_way_builds_push(denied: str) -> None:
    chosen = msgspec.convert(
        {
            "defaultRepository": "r.test/images",
            "cache": {"repository": "r.test/cache"},
            "buildkit": {"enabled": False},
            "kubernetes": {"builderImage": "registry.test/builder:1"},
        },
        Settings,
    )
    with site(chosen) as (it, _):
        report = examine(it, push=True, denied=denied)
        images = report["registry push"]
        if denied == "r.test/images":
            assert images.status is Level.FAIL and "PUSH_DENIED" in images.detail and "Grant" in images.advice
            assert report.chosen.status is Level.FAIL and "cache push" not in report.findings
            return
        assert images.status is Level.OK and report.chosen.detail == "an image was built and pushed with it"
        cache = report["cache push"]
        assert cache.status == ("warn" if denied else "ok") and ("are slower" in cache.detail) is bool(denied)
        assert report.chosen.status is Level.OK, "a cache that cannot be written fails no build"


def test_nothing_is_pushed_where_builds_cannot_start() -> None:
    chosen = msgspec.structs.replace(settings(), default_repository="r.test/images")
    with site(chosen) as (it, _):
        report = examine(it, push=True, place={**PLACE, "missing": ["buildctl"]})
        assert report["registry push"].status is Level.UNKNOWN and "not tried" in report["registry push"].detail
        assert "no defaultRepository" in examine(it, settings(), push=True)["registry push"].detail


def test_a_namespace_that_is_not_there() -> None:
    with site() as (it, _):
        absent = settings(namespaceTemplate="none-{project}")
        report = examine(it, absent)
        assert report["namespace"].status is Level.FAIL and "none-default does not exist" in report["namespace"].detail
        assert report.works == [] and not report.jobs
    on_demand = settings(namespaceTemplate="none-{project}", createNamespaces=True)
    with site(on_demand) as (it, _):
        made = examine(it, on_demand)
        assert made["namespace"].status is Level.WARN and made.chosen.status is Level.UNKNOWN


def test_a_pod_that_does_not_come_is_told_with_its_reason() -> None:
    with site() as (it, _):
        report = examine(it, place=None, node=None, wait_seconds=0)
        assert report["builder image"].status is Level.UNKNOWN and "--wait" in report["builder image"].advice
        assert report.chosen.status is Level.UNKNOWN and report.works == []


def test_a_write_that_fails_is_a_finding_and_leaves_nothing() -> None:
    with site() as (it, _):
        it.cluster.server.fault = lambda method, path: (
            Refused(500, "etcd is away") if method == "POST" and "/jobs" in path else None
        )
        report = examine(it)
        assert report["builder image"].status is Level.UNKNOWN and "etcd is away" in report["builder image"].detail


def _client_secret(chosen: Settings) -> list[dict[str, Any]]:
    return [s.to_dict() for s in certificate_secrets(chosen, [NAMESPACE]) if s.metadata.namespace == NAMESPACE]  # type: ignore[union-attr]


def _account(namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _kind(api_version: str, kind: str) -> Any:
    from tests.kubernetes.loopback.resources import BY_KIND

    return BY_KIND[api_version, kind]


def _everything() -> Any:
    from boatyard.ports import BuildQuery

    return BuildQuery()
