"""The doctor predicts which topologies will work, and advises what to change."""

import msgspec

from boatyard.finding import Level
from boatyard.ports import BuildQuery
from tests.kubernetes.doctors import PLACE, add_node, examine
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import NAMESPACE, settings, site


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
            "platform",
            "resources",
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
        assert report.works == ["daemonless"] and report.advice == ""
        assert report.could == ["managed", "external"], "nothing speaks against them, and nobody has deployed them"
        assert report.prospects["managed"].detail.startswith("not deployed: to use it, deploy")
        assert "r.test/images/boatyard-doctor:" in report["registry push"].detail
        assert report["cache push"].detail == "pushed r.test/cache:boatyard-doctor"
        assert any("a pod like a build's" in text for text in report.waited)


def test_the_probes_are_what_they_stand_for() -> None:
    """Webhooks, policies and admission decide by labels, account and security context."""
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
        assert not it.runner.list(BuildQuery()).builds, "a probe is no build"


def test_an_image_without_what_a_job_needs_is_named() -> None:
    with site() as (it, _):
        report = examine(it, place={**PLACE, "missing": ["buildctl"]})
        assert "lacks buildctl" in report["builder image"].detail and report.works == []


def test_settings_that_name_no_image_are_told_how_to_make_one() -> None:
    with site() as (it, _):
        report = examine(it, settings(builderImage=""))
        assert report["builder image"].status is Level.FAIL and "make builder-image" in report["builder image"].advice
        assert report.works == [] and it.cluster.objects("Pod") == []


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
