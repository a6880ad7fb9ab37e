"""Checks whether a build's pod has an identity in its cloud, so that a registry accepts it.

A pod's own result takes precedence: an annotation has no effect until a webhook acts on it, and an EKS Pod Identity
association is not visible in the cluster.
"""

from typing import Final, NamedTuple

from lightkube.resources.core_v1 import ServiceAccount

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, fail, ok, unknown, warn
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import not_seen
from boatyard_kubernetes.doctor.seen import IdentitySeen
from boatyard_kubernetes.refusals import Absent

_CHECK: Final = "workload identity"
_AZURE_LABEL: Final = "azure.workload.identity/use"
_NODES_OWN: Final = "-compute@developer.gserviceaccount.com"
_MARKS: Final = {
    "aws": "eks.amazonaws.com/role-arn",
    "google": "iam.gke.io/gcp-service-account",
    "azure": "azure.workload.identity/client-id",
}


class Account(NamedTuple):
    """The builds' service account."""

    name: str
    mark: str
    """Its annotation with the cloud's identity; empty without one."""


def find_account(cluster: Cluster, settings: Settings, namespace: str) -> Account | Finding:
    """The account, or a finding if it does not exist or may not be read."""
    name = settings.kubernetes.service_account
    try:
        account = cluster.get(ServiceAccount, name, namespace)
    except Absent:
        advice = "Create it, or name another in kubernetes.serviceAccount."
        return fail(_CHECK, f"{namespace} has no service account {name}", advice)
    except BoatyardError as error:
        return not_seen(_CHECK, error)
    annotations = (account.metadata and account.metadata.annotations) or {}
    return Account(name, annotations.get(_MARKS.get(settings.authentication_type, ""), ""))


def check_identity(settings: Settings, account: Account, seen: IdentitySeen | None) -> Finding:
    """The finding. `seen` is None if no pod ran, or none was needed."""
    kind = settings.authentication_type
    if kind not in _MARKS:
        return ok(_CHECK, f"authenticationType {kind} needs none")
    if kind == "azure" and settings.kubernetes.pod_labels.get(_AZURE_LABEL) != "true":
        advice = f'Set kubernetes.podLabels to {{"{_AZURE_LABEL}": "true"}}.'
        return fail(_CHECK, "build pods lack the webhook's label", advice)
    if seen is None:
        mark = f"is annotated {account.mark}" if account.mark else f"has no annotation {_MARKS[kind]}"
        return unknown(_CHECK, f"the service account {account.name} {mark}; no pod ran to see what comes of it")
    if seen.kind and seen.kind != "metadata" and seen.problem:
        advice = "Keep pods' fsGroup: a mutating webhook or policy may have removed it."
        return fail(_CHECK, f"the pod's token cannot be read: {seen.problem}", advice)
    return {"aws": _aws, "google": _google, "azure": _azure}[kind](account, seen)


def _aws(account: Account, seen: IdentitySeen) -> Finding:
    if seen.kind == "irsa":
        return ok(_CHECK, f"pods are {seen.role} (IRSA)")
    if seen.kind == "pod-identity":
        if not seen.agent:
            return ok(_CHECK, "pods get credentials of EKS Pod Identity")
        return fail(
            _CHECK,
            f"there is a Pod Identity association, but its agent gives no credentials: {seen.agent}",
            "Install the add-on eks-pod-identity-agent on the nodes of builds; if it is installed, check that the role "
            "trusts pods.eks.amazonaws.com.",
        )
    if account.mark:
        return fail(
            _CHECK,
            f"{account.name} is annotated {account.mark}, but pods get no role",
            "Run EKS's pod identity webhook (EKS has it), and see that the cluster has an IAM OIDC provider.",
        )
    return warn(
        _CHECK,
        f"pods get no role: {account.name} has no annotation {_MARKS['aws']} and no Pod Identity association",
        "Make one of the two, unless builds are to push as their node.",
    )


def _google(account: Account, seen: IdentitySeen) -> Finding:
    if seen.problem:
        return warn(
            _CHECK,
            f"no metadata server answers: {seen.problem}",
            "Enable Workload Identity for the cluster and the node pool, unless pods have other credentials.",
        )
    if seen.role.endswith(_NODES_OWN):
        return fail(
            _CHECK,
            f"pods are their node's account {seen.role}",
            "Switch Workload Identity on for the node pool (workload-metadata GKE_METADATA).",
        )
    if account.mark and seen.role != account.mark:
        return fail(
            _CHECK,
            f"{account.name} is annotated {account.mark}, but pods are {seen.role}",
            f"Grant it roles/iam.workloadIdentityUser on {account.mark}.",
        )
    return ok(_CHECK, f"pods are {seen.role}")


def _azure(account: Account, seen: IdentitySeen) -> Finding:
    if seen.kind == "federated" and seen.role:
        return ok(_CHECK, f"pods are the client {seen.role}")
    if seen.kind == "federated":
        advice = f"Annotate {account.name} with {_MARKS['azure']}."
        return fail(_CHECK, "pods get a token, but no client id", advice)
    return fail(_CHECK, "pods get no federated token", "Install Azure Workload Identity's webhook in the cluster.")
