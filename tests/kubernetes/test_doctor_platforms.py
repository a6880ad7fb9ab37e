"""The managed Kubernetes of a cloud is recognized, with what matters on it and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from boatyard.finding import Level
from boatyard.settings import Settings
from tests.kubernetes.doctors import NODE, PLACE, add_node, examine, managed
from tests.kubernetes.loopback import autopilot
from tests.kubernetes.loopback.manual_node import ManualNode
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import NAMESPACE, Site, settings, site

GKE_NODE = {"cloud.google.com/gke-nodepool": "builds", "cloud.google.com/gke-os-distribution": "cos"}
AKS_NODE = {"kubernetes.azure.com/cluster": "MC_runs", "kubernetes.azure.com/os-sku": "Ubuntu", "agentpool": "builds"}
ENOUGH = {"cpu": "2", "memory": "8Gi", "ephemeral-storage": "10Gi"}


@pytest.mark.parametrize(
    ("version", "name", "labels", "said"),
    [
        ("v1.33.5-gke.1080000", "gke-runs-builds-1", GKE_NODE, "GKE 1.33.5-gke.1080000"),
        ("v1.33.5-gke.1080000", "gk3-runs-pool-1", GKE_NODE, "GKE Autopilot 1.33.5-gke.1080000"),
        ("v1.33.5-gke.1080000", "", {}, "GKE 1.33.5-gke.1080000"),
        ("v1.33.1-eks-1fbb135", "", {}, "EKS 1.33.1-eks-1fbb135"),
        ("v1.33.1-eks-1fbb135", "ip-1", {"eks.amazonaws.com/nodegroup": "builds"}, "EKS 1.33.1-eks-1fbb135"),
        ("v1.33.2", "aks-builds-1", AKS_NODE, "AKS 1.33.2"),
        ("v1.33.2", "n-1", {"eks.amazonaws.community/x": "", "gke": ""}, "Kubernetes 1.33.2"),
        ("", "", {}, "Kubernetes"),
    ],
)
def test_a_platform_is_known_by_its_nodes_and_its_version(
    version: str, name: str, labels: dict[str, str], said: str
) -> None:
    with site() as (it, _):
        it.cluster.server.version = version
        if name:
            add_node(it, name, labels)
        found = examine(it)["platform"]
        assert (found.status, found.detail) == (Level.OK, said)


def test_a_platform_whose_version_is_not_shown_is_known_by_its_nodes() -> None:
    def fault(method: str, path: str) -> Refused | None:
        return Refused(500, "etcd is away") if path == "/version" else None

    with site() as (it, _):
        it.cluster.server.fault = fault
        unseen = examine(it)
        assert unseen["platform"].status is Level.UNKNOWN and "etcd is away" in unseen["platform"].detail
        assert unseen.works == ["daemonless"], "nothing depends on it"
        add_node(it, "aks-1", AKS_NODE)
        assert examine(it)["platform"].detail == "AKS"


def test_identities_of_another_cloud_are_named() -> None:
    with site(_with("aws", serviceAccount="default")) as (it, _):
        add_node(it, "gke-1", GKE_NODE)
        found = examine(it, place={**PLACE, "identity": {"kind": ""}})["platform"]
        assert found.status is Level.WARN and "authenticationType aws" in found.detail
        assert "authenticationType: google" in found.advice


class TestAutopilot:
    def test_rootless_buildkit_is_no_failure_until_a_pod_shows_it(self) -> None:
        with _autopilot() as (it, _):
            add_node(it, "gk3-pool-1", GKE_NODE, "Container-Optimized OS from Google")
            untried = examine(it, node=None, wait_seconds=0)
            assert untried["nodes"].status is Level.WARN and "no privileged pods" in untried["nodes"].detail
            assert untried.chosen.status is Level.UNKNOWN
            tried = examine(it)
            assert tried["nodes"].status is Level.OK and "nothing that they refuse" in tried["nodes"].detail
            assert tried.works == ["daemonless"]
            failed = examine(it, node={**NODE, "noNewPrivileges": True})
            assert failed["nodes"].status is Level.WARN and "Standard node pools" in failed["nodes"].advice
            assert failed.chosen.status is Level.FAIL and failed.could == ["external"]

    def test_it_is_known_before_it_has_a_node(self) -> None:
        with _autopilot() as (it, _):
            assert examine(it)["platform"].detail == "GKE Autopilot 1.32.0"

    def test_a_builds_disk_and_memory_are_what_it_requests(self) -> None:
        with _autopilot() as (it, _):
            found = examine(it)["resources"]
            assert found.status is Level.WARN
            assert "buildkitd: ephemeral-storage 1Gi, and the settings request none" in found.detail
            assert "memory 2Gi instead of 8Gi" in found.detail and "build: memory 256Mi instead of 1Gi" in found.detail
            assert "Set kubernetes.requests and kubernetes.jobRequests" in found.advice and "10Gi" in found.advice
        job = {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "10Gi"}
        with _autopilot(settings(requests=ENOUGH, jobRequests=job)) as (it, _):
            assert examine(it)["resources"].status is Level.OK

    def test_the_managed_buildkitd_has_a_disk_of_its_own(self) -> None:
        chosen = managed(requests={"cpu": "2", "memory": "8Gi"})
        with _autopilot(chosen) as (it, _):
            it.cluster.namespace("boatyard-buildkit", accounts=("buildkitd",))
            assert examine(it, chosen)["resources"].status is Level.OK

    @pytest.mark.parametrize(
        ("kubernetes", "advice"),
        [
            ({"nodeSelector": {autopilot.METADATA_SERVER: "true"}}, "Take that label out of kubernetes.nodeSelector"),
            ({"requests": {"cpu": "31"}}, "Fit kubernetes.jobRequests"),
        ],
    )
    def test_a_refusal_says_what_to_change(self, kubernetes: dict[str, Any], advice: str) -> None:
        with _autopilot(settings(**kubernetes)) as (it, _):
            found = examine(it)["admission"]
            assert found.status is Level.FAIL and "GKE Warden" in found.detail and advice in found.advice

    def test_without_a_metadata_server_nobody_is_sent_to_switch_it_on(self) -> None:
        with _autopilot(_with("google", serviceAccount="default")) as (it, _):
            found = examine(it, place={**PLACE, "identity": {"kind": "", "problem": "timed out"}})["workload identity"]
            assert "see what keeps pods from it" in found.advice and "gcloud" not in found.advice


def test_a_limit_range_that_lowers_what_builds_may_use_is_named() -> None:
    def lower(pod: dict[str, Any]) -> None:
        for container in pod["spec"].get("initContainers") or ():
            container["resources"]["limits"]["memory"] = "512Mi"

    with site() as (it, _):
        it.cluster.store.webhooks.append(lower)
        found = examine(it)["resources"]
        assert found.status is Level.WARN and "LimitRange" in found.detail and "512Mi instead of 8Gi" in found.detail
        assert "10Gi" not in found.advice


def test_on_gke_the_commands_that_switch_workload_identity_on_are_named() -> None:
    seen = {"kind": "metadata", "role": "1-compute@developer.gserviceaccount.com"}
    with site(_with("google", serviceAccount="default")) as (it, _):
        add_node(it, "gke-1", GKE_NODE)
        found = examine(it, place={**PLACE, "identity": seen})["workload identity"]
        assert found.status is Level.FAIL and "--workload-metadata=GKE_METADATA" in found.advice
        bound = {"kind": "metadata", "role": "p.svc.id.goog", "agent": "403: Unable to generate access token"}
        found = examine(it, place={**PLACE, "identity": bound})["workload identity"]
        assert f"serviceAccount:p.svc.id.goog[{NAMESPACE}/default]" in found.advice


class TestAzure:
    def test_without_its_webhook_the_command_that_installs_it_is_named(self) -> None:
        labels = {"azure.workload.identity/use": "true"}
        with site(_with("azure", serviceAccount="default", podLabels=labels)) as (it, _):
            place = {**PLACE, "identity": {"kind": ""}}
            assert "webhook" in examine(it, place=place)["workload identity"].advice
            add_node(it, "aks-1", AKS_NODE)
            assert "--enable-workload-identity" in examine(it, place=place)["workload identity"].advice

    def test_a_policy_that_refuses_pods_says_where_to_exempt_them(self) -> None:
        def policy(pod: dict[str, Any]) -> None:
            raise Refused(
                403,
                'admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy-k8sazurev3noprivilege'
                "escalatio-621d] Privilege escalation container is not allowed: buildkitd",
            )

        with site() as (it, _):
            it.cluster.store.webhooks.append(policy)
            found = examine(it)["admission"]
            assert found.status is Level.FAIL and "excludedNamespaces" in found.advice


def _with(kind: str, **kubernetes: Any) -> Settings:
    return msgspec.structs.replace(settings(**kubernetes), authentication_type=kind)


@contextmanager
def _autopilot(chosen: Settings | None = None) -> Iterator[tuple[Site, ManualNode]]:
    with site(chosen) as (it, hands):
        it.cluster.store.webhooks.append(autopilot.admit)
        yield it, hands
