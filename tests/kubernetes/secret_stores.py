"""A KubernetesSecretStore for tests/contract, with only the permissions of the function's Role."""

from boatyard_kubernetes import KubernetesSecretStore
from boatyard_kubernetes.access import function_access
from tests.kubernetes.site import FUNCTION, HOME, Site


def kubernetes_store(*namespaces: str) -> KubernetesSecretStore:
    """The cluster's threads are daemons and end with the tests."""
    site = Site()
    subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
    for namespace in namespaces:
        site.cluster.namespace(namespace)
        role, binding, *_ = function_access(site.settings, subject, [namespace])
        site.cluster.apply(role.to_dict(), binding.to_dict())  # type: ignore[attr-defined]
    return KubernetesSecretStore(site.api, site.settings)
