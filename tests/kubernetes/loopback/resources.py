"""The resources that the server serves, and the parsing of their paths."""

import re
from typing import NamedTuple

from tests.kubernetes.loopback.status import Refused


class Resource(NamedTuple):
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    fields: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    """Field selectors it takes; another one is 400."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


_META = ("metadata.name", "metadata.namespace")
_RBAC = "rbac.authorization.k8s.io"
ALL = (
    Resource("", "v1", "namespaces", "Namespace", False, (*_META, "status.phase")),
    Resource("", "v1", "pods", "Pod", True, (*_META, "spec.nodeName", "spec.serviceAccountName", "status.phase")),
    Resource("", "v1", "secrets", "Secret", True, (*_META, "type")),
    Resource("", "v1", "configmaps", "ConfigMap", True),
    Resource("", "v1", "services", "Service", True),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", True),
    Resource("", "v1", "resourcequotas", "ResourceQuota", True),
    Resource("", "v1", "nodes", "Node", False),
    Resource(
        "",
        "v1",
        "events",
        "Event",
        True,
        (*_META, "involvedObject.kind", "involvedObject.name", "involvedObject.uid", "reason", "type"),
    ),
    Resource("batch", "v1", "jobs", "Job", True, (*_META, "status.successful")),
    Resource("apps", "v1", "statefulsets", "StatefulSet", True),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True),
    Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True),
    Resource(_RBAC, "v1", "roles", "Role", True),
    Resource(_RBAC, "v1", "rolebindings", "RoleBinding", True),
    Resource(_RBAC, "v1", "clusterroles", "ClusterRole", False),
    Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False),
    Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False),
    Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", False),
    Resource("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", True),
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False),
)
BY_PATH = {(r.group, r.version, r.plural): r for r in ALL}
BY_KIND = {(r.api_version, r.kind): r for r in ALL}
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[a-z0-9.-]+)/(?P<version>v[a-z0-9]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?\Z"
)


class Target(NamedTuple):
    resource: Resource
    namespace: str
    name: str
    sub: str


def target_of(path: str) -> Target:
    found = _PATH.match(path)
    resource = found and BY_PATH.get((found["group"] or "", found["core"] or found["version"], found["plural"]))
    if not found or not resource:
        raise Refused(404, "the server could not find the requested resource")
    namespace, name = found["namespace"] or "", found["name"] or ""
    if namespace and not resource.namespaced:
        raise Refused(404, "the server could not find the requested resource")
    return Target(resource, namespace, name, found["sub"] or "")
