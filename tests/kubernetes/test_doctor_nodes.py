"""Restrictions of nodes are distinguished, with the platforms that impose them."""

from typing import Any

import pytest

from boatyard.finding import Level
from tests.kubernetes.doctors import EXTERNAL, NODE, add_node, examine
from tests.kubernetes.site import site


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
        assert report.works == ([] if level == "fail" else ["daemonless"])
        assert report.could == (["external"] if level == "fail" else ["managed", "external"])
        blamed = {f.check for f in report.findings.values() if f.status is Level.FAIL} - {"user namespaces"}
        assert blamed <= {check}, "nobody else is blamed"
        if level == "fail":
            assert "set buildkitUri to a buildkitd elsewhere: external has nothing against it" in report.advice


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
