"""The function's permissions, the doctor's own permission to query them, and admission."""

from typing import Any, Literal

import msgspec
import pytest

from boatyard.finding import Level
from boatyard_kubernetes.doctor.rights import Person
from boatyard_kubernetes.pod import template
from tests.kubernetes.doctors import EXTERNAL, client_secret, deploy, examine, label_namespace, managed
from tests.kubernetes.loopback.admission import violations
from tests.kubernetes.loopback.rbac import User
from tests.kubernetes.loopback.resources import BY_KIND
from tests.kubernetes.site import FUNCTION, HOME, NAMESPACE, TOKEN, settings, site
from tests.local.jobs import job as make_job

ME = f"system:serviceaccount:{HOME}:{FUNCTION}"


def test_pod_security_decides_which_topologies_there_are() -> None:
    with site() as (it, _):
        label_namespace(it, "restricted")
        report = examine(it)
        seen = report["admission"]
        assert seen.status is Level.FAIL and "PodSecurity" in seen.detail and "=privileged" in seen.advice
        assert report.could == ["managed", "external"] and report.works == []
        it.cluster.namespace("boatyard-buildkit", level="privileged")
        it.cluster.apply(*client_secret(managed()))
        assert examine(it)["admission"].status is Level.FAIL
        assert "managed" in examine(it).could, "nobody has deployed it, but it would be let in"
        not_deployed = examine(it, managed())["admission"]
        assert '"buildkitd" not found' in not_deployed.detail and "manifests" in not_deployed.advice
        it.cluster.apply(_account("boatyard-buildkit", "buildkitd"))
        absent = examine(it, managed()).chosen
        assert absent.status is Level.FAIL and "not deployed" in absent.detail and absent.deployed is False
        deploy(it, managed())
        well = examine(it, managed())
        assert well.chosen.status is Level.OK and well.works == ["managed"] and well.could == ["external"]
        label_namespace(it, "baseline", "boatyard-buildkit")
        ill = examine(it, managed())
        assert "Label boatyard-buildkit" in ill["admission"].advice and ill.works == [] and ill.could == ["external"]


@pytest.mark.parametrize("layers", ["builder", "registry"])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_it_says_what_level_the_pods_of_builds_need(elsewhere: bool, layers: Literal["builder", "registry"]) -> None:
    chosen = msgspec.structs.replace(EXTERNAL if elsewhere else settings(), layers=layers)
    with site(chosen) as (it, _):
        seen = examine(it, chosen)["admission"]
    assert seen.status is Level.OK
    pod = template(make_job(1)(1), chosen, "plan").to_dict()["spec"]
    assert (violations("restricted", pod) == []) is elsewhere
    some = "those of builds without a RUN" in seen.detail
    assert some is (not elsewhere and layers == "registry")
    assert ("are restricted" in seen.detail, "level privileged" in seen.detail) == (elsewhere or some, not elsewhere)


def test_a_restricted_namespace_still_builds_what_needs_no_run() -> None:
    for layers in ("builder", "registry"):
        chosen = msgspec.structs.replace(settings(), layers=layers)
        with site(chosen) as (it, _):
            label_namespace(it, "restricted")
            advice = examine(it, chosen)["admission"].advice
        assert ("Until then" in advice) is (layers == "registry")


def test_the_managed_buildkitds_namespace_has_to_be_there() -> None:
    with site() as (it, _):
        report = examine(it, managed())
        assert "boatyard-buildkit does not exist" in report["admission"].detail
        assert "manifests" in report["admission"].advice


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
        assert "a user with that right" in report["rbac"].advice
        assert report.chosen.status is Level.UNKNOWN and report.advice


def _account(namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _kind(api_version: str, kind: str) -> Any:
    return BY_KIND[api_version, kind]
