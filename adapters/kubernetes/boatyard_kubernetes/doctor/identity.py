"""Whether the build's service account carries an identity that a registry will know."""

from typing import Final, NamedTuple

from lightkube.resources.core_v1 import ServiceAccount

from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.finding import Finding, failed, ok, unknown, warning
from boatyard_kubernetes.refusals import Absent

_CHECK: Final = "workload identity"
_AZURE_LABEL: Final = "azure.workload.identity/use"


class _Mark(NamedTuple):
    annotation: str
    otherwise: str
    """Why it may be right without."""


_MARKS: Final = {
    "aws": _Mark("eks.amazonaws.com/role-arn", "an EKS Pod Identity association is not to be seen in the cluster"),
    "google": _Mark("iam.gke.io/gcp-service-account", "roles may be granted to the Kubernetes account directly"),
    "azure": _Mark("azure.workload.identity/client-id", "the default client id of the webhook may be meant"),
}


def check_identity(cluster: Cluster, settings: Settings, namespace: str) -> Finding:
    name = settings.kubernetes.service_account
    try:
        account = cluster.get(ServiceAccount, name, namespace)
    except Absent:
        advice = "Create it, or name another in kubernetes.serviceAccount."
        return failed(_CHECK, f"{namespace} has no service account {name}", advice)
    except BoatyardError as error:
        return unknown(_CHECK, error.detail)
    mark = _MARKS.get(settings.authentication_type)
    if mark is None:
        return ok(_CHECK, f"authenticationType {settings.authentication_type} needs none")
    if settings.authentication_type == "azure" and settings.kubernetes.pod_labels.get(_AZURE_LABEL) != "true":
        return failed(
            _CHECK, "build pods lack the webhook's label", f'Set kubernetes.podLabels to {{"{_AZURE_LABEL}": "true"}}.'
        )
    value = ((account.metadata and account.metadata.annotations) or {}).get(mark.annotation)
    if not value:
        text = f"{namespace}/{name} has no annotation {mark.annotation} ({mark.otherwise})"
        return warning(_CHECK, text, f"Annotate it, unless that is so: {mark.annotation}=…")
    return ok(_CHECK, f"{namespace}/{name} is {value}")
