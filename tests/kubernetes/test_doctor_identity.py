"""The cloud identity of a build's pod."""

from typing import Any

import msgspec
import pytest

from boatyard.finding import Level
from tests.kubernetes.doctors import PLACE, examine
from tests.kubernetes.site import NAMESPACE, settings, site


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
