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
from boatyard_kubernetes.doctor.platform import AKS, AUTOPILOT, ClusterPlatform
from boatyard_kubernetes.doctor.refusal import not_seen
from boatyard_kubernetes.doctor.seen import IdentitySeen
from boatyard_kubernetes.refusals import Absent

_CHECK: Final = "workload identity"
_AZURE_LABEL: Final = "azure.workload.identity/use"
_DEFAULT: Final = "-compute@developer.gserviceaccount.com"
_GOOGLES: Final = ".gserviceaccount.com"
_POOL: Final = ".svc.id.goog"
"""End of what GKE's metadata server calls a pod whose service account has no annotation: PROJECT.svc.id.goog."""
_REGISTRIES: Final = {".amazonaws.com": "aws", "-docker.pkg.dev": "google", "gcr.io": "google", ".azurecr.io": "azure"}
"""End of a registry's host -> the authenticationType that signs in there."""
_MARKS: Final = {
    "aws": "eks.amazonaws.com/role-arn",
    "google": "iam.gke.io/gcp-service-account",
    "azure": "azure.workload.identity/client-id",
}


class Account(NamedTuple):
    """The builds' service account."""

    name: str
    namespace: str
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
    return Account(name, namespace, annotations.get(_MARKS.get(settings.authentication_type, ""), ""))


def check_identity(
    settings: Settings, account: Account, seen: IdentitySeen | None, platform: ClusterPlatform
) -> Finding:
    """The finding. `seen` is None if no pod ran, or none was needed."""
    kind = settings.authentication_type
    if kind not in _MARKS:
        return _without(settings)
    if kind == "azure" and settings.kubernetes.pod_labels.get(_AZURE_LABEL) != "true":
        advice = f'Set kubernetes.podLabels to {{"{_AZURE_LABEL}": "true"}}.'
        return fail(_CHECK, "build pods lack the webhook's label", advice)
    if seen is None:
        mark = f"is annotated {account.mark}" if account.mark else f"has no annotation {_MARKS[kind]}"
        return unknown(_CHECK, f"the service account {account.name} {mark}; no pod ran to see what comes of it")
    if seen.kind and seen.kind != "metadata" and seen.problem:
        advice = "Keep pods' fsGroup: a mutating webhook or policy may have removed it."
        return fail(_CHECK, f"the pod's token cannot be read: {seen.problem}", advice)
    match kind:
        case "aws":
            return _aws(account, seen)
        case "google":
            return _google(account, seen, platform)
    return _azure(account, seen, platform)


def _without(settings: Settings) -> Finding:
    """Where builds sign in by no identity of the pod's."""
    kind = settings.authentication_type
    host = settings.default_repository.partition("/")[0]
    wanted = next((each for end, each in _REGISTRIES.items() if host.endswith(end)), "")
    if kind == "noop" and wanted:
        advice = f"Set authenticationType: {wanted}, unless every build names a registry secret."
        return warn(_CHECK, f"{host} lets nobody push without signing in, and authenticationType is noop", advice)
    return ok(_CHECK, f"authenticationType {kind} needs none")


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


def _google(account: Account, seen: IdentitySeen, platform: ClusterPlatform) -> Finding:
    """GKE's metadata server answers with the annotated account whether or not IAM lets the pod become it: only a token
    shows that. A node without that server answers with its own account."""
    mark = _MARKS["google"]
    if seen.problem:
        return warn(
            _CHECK,
            f"no metadata server answers: {seen.problem}",
            f"{_server(platform)} Network policies must let pods reach 169.254.169.254 port 80, and without GKE "
            "Dataplane V2 169.254.169.252 port 988. Nothing is wrong if pods have other credentials.",
        )
    if seen.role.endswith(_GOOGLES) and seen.role != account.mark:
        found = f"pods are their node's account {seen.role}"
        if account.mark or seen.role.endswith(_DEFAULT):
            return fail(_CHECK, found, _server(platform))
        return warn(_CHECK, f"{found}, as every pod of that node", _server(platform))
    if account.mark and seen.role != account.mark:
        return fail(
            _CHECK,
            f"{account.name} is annotated {account.mark}, but pods are {seen.role}",
            f"See that the pods run as {account.name} and that its annotation {mark} names an account that exists.",
        )
    if seen.agent:
        who = account.mark or "an account"
        advice = f"Grant roles/iam.workloadIdentityUser on {who} to {_member(account, seen.role)}: `gcloud iam "
        advice += f"service-accounts add-iam-policy-binding {who} --role=roles/iam.workloadIdentityUser --member=…`."
        return fail(_CHECK, f"pods are {seen.role}, but get no token for it: {seen.agent}", advice)
    if not account.mark:
        return ok(_CHECK, f"pods are {_member(account, seen.role)}, which needs the registry's roles itself")
    return ok(_CHECK, f"pods are {seen.role}")


def _server(platform: ClusterPlatform) -> str:
    if platform.name == AUTOPILOT:
        return "GKE Autopilot has it on every node: see what keeps pods from it."
    return (
        "Switch Workload Identity on: `gcloud container clusters update CLUSTER --location=LOCATION "
        "--workload-pool=PROJECT.svc.id.goog`, then `gcloud container node-pools update POOL --cluster=CLUSTER "
        "--location=LOCATION --workload-metadata=GKE_METADATA`."
    )


def _member(account: Account, role: str) -> str:
    """The pods' principal. The account's own project need not be the cluster's, whose pool it is."""
    pool = role if role.endswith(_POOL) else f"PROJECT{_POOL}"
    return f"serviceAccount:{pool}[{account.namespace}/{account.name}]"


def _azure(account: Account, seen: IdentitySeen, platform: ClusterPlatform) -> Finding:
    mark = _MARKS["azure"]
    if seen.kind != "federated":
        advice = "Install Azure Workload Identity's webhook in the cluster."
        if platform.name == AKS:
            advice = "Run `az aks update --resource-group GROUP --name CLUSTER --enable-oidc-issuer "
            advice += "--enable-workload-identity`, which installs its webhook."
        return fail(_CHECK, "pods get no federated token", advice)
    if not seen.role:
        return fail(_CHECK, "pods get a token, but no client id", f"Annotate {account.name} with {mark}.")
    if account.mark and seen.role != account.mark:
        advice = "Look for a webhook or policy that sets AZURE_CLIENT_ID, and see that the pods run as that account."
        return fail(_CHECK, f"{account.name} is annotated {account.mark}, but pods are the client {seen.role}", advice)
    subject = f"system:serviceaccount:{account.namespace}:{account.name}"
    return ok(_CHECK, f"pods are the client {seen.role}; Entra ID has to trust {subject}")
