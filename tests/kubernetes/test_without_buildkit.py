"""A cluster that may not run BuildKit: every pod is restricted, and a build that needs more ends and says so."""

from typing import Any, Final

import msgspec
import pytest

from boatyard.build import State
from boatyard.errors import Code
from boatyard.finding import Level
from boatyard.job import Maker
from boatyard.ports import BuildQuery
from boatyard.settings import Settings
from boatyard_kubernetes.doctor.push import check_push, small_job
from boatyard_kubernetes.manifests import all_objects, documents
from boatyard_kubernetes.names import job_name
from boatyard_kubernetes.topology import Topology, choose
from tests.kubernetes.doctors import PLACE, SCOPE, examine, label_namespace
from tests.kubernetes.loopback.admission import violations
from tests.kubernetes.loopback.resources import BY_KIND
from tests.kubernetes.site import NAMESPACE, site
from tests.kubernetes.test_second_job import FIRST, ID, LEFT, of, pod_of
from tests.local.jobs import tag

NONE: Final = msgspec.convert(
    {
        "layers": "registry",
        "defaultRepository": "r.test/images",
        "kubernetes": {"builderImage": "registry.test/builder:1", "runBuildkit": False},
    },
    Settings,
)


def test_it_is_chosen_whatever_is_enabled_unless_buildkit_is_elsewhere() -> None:
    assert choose(NONE) is Topology.NONE
    assert choose(msgspec.structs.replace(NONE, buildkit_uri="tcp://elsewhere:1234")) is Topology.EXTERNAL


@pytest.mark.parametrize("makers", [("config", "wheels"), ("wheels", "run")])
def test_every_pod_is_restricted(makers: tuple[Maker, ...]) -> None:
    pod = pod_of(of(*makers)(1), NONE)
    assert violations("restricted", pod) == [] and "initContainers" not in pod
    assert "--without-buildkit" in pod["containers"][0]["args"]


def test_the_manifests_have_restricted_namespaces_and_no_buildkitd() -> None:
    subject = {"kind": "User", "name": "function"}
    made = documents(all_objects(NONE, namespaces=["a-b", "c-d"], subject=subject))
    levels = {
        found["metadata"]["name"]: found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for found in made
        if found["kind"] == "Namespace"
    }
    assert levels == {"a-b": "restricted", "c-d": "restricted"}
    assert not {"StatefulSet", "Service", "ConfigMap"} & {found["kind"] for found in made}


def test_a_step_that_needs_buildkit_ends_the_build_and_no_second_job_is_made() -> None:
    with site(NONE) as (it, node):
        label_namespace(it, "restricted")
        it.runner.ensure(of("wheels"), tag(), force=False)
        (plan,) = it.cluster.objects("Secret")
        assert set(plan["data"]) == {"job.json", "settings.json"}
        node.start(FIRST)
        node.end(FIRST, 1, LEFT)
        joined = it.another_runner().ensure(of("wheels"), tag(), force=False)
        assert joined.joined and joined.build.state is State.FAILED
        assert [found.state for found in it.runner.list(BuildQuery()).builds] == [State.FAILED]
        assert (build := it.runner.status(ID)) and build.error and build.error.code == Code.UNSUPPORTED
        assert (build := it.runner.cancel(ID)) and build.state is State.FAILED
        assert [found["metadata"]["name"] for found in it.cluster.objects("Job")] == [FIRST]


def test_the_doctor_finds_it_healthy_and_says_what_it_builds() -> None:
    with site(NONE) as (it, _):
        label_namespace(it, "restricted")
        report = examine(it, push=True)
        assert {finding.status for finding in report.findings.values()} == {Level.OK}, report.findings
        assert report["pod security"].detail == f"{NAMESPACE} admits restricted pods only"
        assert "apt packages, commands and Dockerfiles are refused" in report["admission"].detail
        assert report.works == ["none"] == list(report.prospects) and report.advice == ""
        assert not [job for job in report.jobs if "doctor-node" in job["metadata"]["name"]], "no pod like buildkitd's"
        pods = [job["spec"]["template"]["spec"] for job in report.jobs]
        assert len(pods) == 2 and not any(violations("restricted", pod) for pod in pods)


@pytest.mark.parametrize(("level", "words"), [("privileged", "enforce=privileged"), (None, "has no label")])
def test_the_doctor_warns_of_a_namespace_that_admits_more(level: str | None, words: str) -> None:
    with site(NONE) as (it, _):
        if level:
            label_namespace(it, level)
        else:
            it.cluster.store.change(
                BY_KIND["v1", "Namespace"], "", NAMESPACE, lambda o: o["metadata"]["labels"].clear()
            )
        found = examine(it)["pod security"]
        assert found.status is Level.WARN and words in found.detail and "enforce=restricted" in found.advice


def test_the_doctor_pushes_an_image_that_needs_no_command() -> None:
    job = small_job(NONE, SCOPE, "ghcr.io/flyteorg/flyte:py3.12-v2.0.0")
    assert job.steps and [step.maker for step in job.steps.layers] == ["config"]


def test_a_base_that_only_buildkit_opens_is_no_failure_of_the_cluster() -> None:
    with site(NONE) as (it, node):
        job = small_job(NONE, SCOPE, "python:3.12-slim", timeout_seconds=5)

        def play(_: float) -> None:
            node.start(job_name(job.id))
            node.end(job_name(job.id), 1, LEFT)

        found = check_push(
            it.api, it.runner, NONE, job, check="registry push", wait_seconds=5, waiting=lambda _: None, pause=play
        )
        assert found.status is Level.UNKNOWN and "a step needs BuildKit" in found.detail
        assert "--base-image" in found.advice and not it.cluster.objects("Job")


@pytest.mark.parametrize(("confines", "status"), [(True, Level.OK), (False, Level.WARN)])
def test_the_doctor_says_whether_the_kernel_confines_the_python_of_a_base(confines: bool, status: Level) -> None:
    with site(NONE) as (it, _):
        place: dict[str, Any] = {**PLACE, "confines": confines}
        found = examine(it, place=place)["sandbox"]
        assert found.status is status and ("trustedBases" in found.advice) is not confines
