"""The cloud identity of a build's pod."""

from typing import Any

import msgspec
import pytest

from boatyard.finding import Level
from tests.kubernetes.doctors import PLACE, examine
from tests.kubernetes.site import NAMESPACE, settings, site

BUILDER = "b@p.iam.gserviceaccount.com"
NODES = "n@p.iam.gserviceaccount.com"
POOL = "p.svc.id.goog"
GOOGLE = {"iam.gke.io/gcp-service-account": BUILDER}
CLIENT = "azure.workload.identity/client-id"
AZURE = {"azure.workload.identity/use": "true"}


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
        ("google", {}, {}, {"kind": "metadata", "role": NODES}, "warn", "every pod of that node"),
        ("google", GOOGLE, {}, {"kind": "metadata", "role": NODES}, "fail", "node's account n@"),
        ("google", {}, {}, {"kind": "metadata", "role": POOL}, "ok", f"{POOL}[{NAMESPACE}/builder]"),
        ("google", GOOGLE, {}, {"kind": "metadata", "role": POOL}, "fail", "but pods are p.svc.id.goog"),
        ("google", GOOGLE, {}, {"kind": "metadata", "role": BUILDER}, "ok", f"pods are {BUILDER}"),
        (
            "google",
            GOOGLE,
            {},
            {"kind": "metadata", "role": BUILDER, "agent": "403: x"},
            "fail",
            "no token for it: 403",
        ),
        ("azure", {}, {}, {"kind": ""}, "fail", "lack the webhook's label"),
        ("azure", {}, AZURE, {"kind": ""}, "fail", "no federated token"),
        ("azure", {}, AZURE, {"kind": "federated"}, "fail", "no client id"),
        ("azure", {}, AZURE, {"kind": "federated", "role": "1"}, "ok", "client 1; Entra ID has to trust system:serv"),
        ("azure", {CLIENT: "2"}, AZURE, {"kind": "federated", "role": "1"}, "fail", "annotated 2, but pods are"),
        ("azure", {}, AZURE, {"kind": "federated", "role": "1", "problem": "Permission denied"}, "fail", "cannot be"),
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
    ("repository", "level", "advice"),
    [
        ("europe-west1-docker.pkg.dev/acme/images", "warn", "authenticationType: google"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com/images", "warn", "authenticationType: aws"),
        ("acme.azurecr.io/images", "warn", "authenticationType: azure"),
        ("ghcr.io/acme/images", "ok", ""),
    ],
)
def test_a_registry_that_wants_an_identity_is_named_where_builds_sign_in_with_none(
    repository: str, level: str, advice: str
) -> None:
    with site(msgspec.structs.replace(settings(), default_repository=repository)) as (it, _):
        found = examine(it)["workload identity"]
        assert found.status == level and advice in found.advice
