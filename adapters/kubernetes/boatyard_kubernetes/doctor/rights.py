"""Whether whoever asks has the function's rights, asked of the cluster itself (SelfSubjectAccessReview)."""

from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview

from boatyard.errors import BoatyardError
from boatyard.settings import Settings
from boatyard_kubernetes.access import cluster_rules, rules
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.finding import Finding, failed, ok, unknown

_CHECK = "rbac"


def check_rights(cluster: Cluster, settings: Settings, namespace: str) -> Finding:
    """The API server lets everybody ask this about themselves (system:basic-user)."""
    asked = [(rule, namespace) for rule in rules()] + [(rule, "") for rule in cluster_rules(settings)]
    missing: list[str] = []
    try:
        for rule, where in asked:
            missing += [right for right in _missing(cluster, rule, where) if right not in missing]
    except BoatyardError as error:
        return unknown(_CHECK, error.detail)
    if missing:
        return failed(
            _CHECK,
            "not allowed: " + "; ".join(missing),
            "Apply what `python -m boatyard_kubernetes manifests …` prints, as an administrator.",
        )
    return ok(_CHECK, f"all rights that builds in {namespace} need are there")


def _missing(cluster: Cluster, rule: PolicyRule, namespace: str) -> list[str]:
    found: list[str] = []
    where = f"in {namespace}" if namespace else "in all namespaces"
    for group in rule.apiGroups or ():
        for resource in rule.resources or ():
            for verb in rule.verbs:
                plural, _, sub = resource.partition("/")
                asked = ResourceAttributes(
                    verb=verb, group=group, resource=plural, subresource=sub or None, namespace=namespace or None
                )
                review = SelfSubjectAccessReview(
                    metadata=ObjectMeta(), spec=SelfSubjectAccessReviewSpec(resourceAttributes=asked)
                )
                answer = cluster.create(review, None)
                if not (answer.status and answer.status.allowed):
                    found.append(f"{verb} {resource}{f'.{group}' if group else ''} {where}")
    return found
