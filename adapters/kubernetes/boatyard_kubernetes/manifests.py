"""All objects that the cluster needs, for `kubectl apply`."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from lightkube.core.resource import Resource
from lightkube.models.core_v1 import LocalObjectReference
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.networking_v1 import NetworkPolicySpec
from lightkube.resources.core_v1 import Namespace, ServiceAccount
from lightkube.resources.networking_v1 import NetworkPolicy

from boatyard.settings import Settings
from boatyard_kubernetes.access import function_access
from boatyard_kubernetes.buildkitd import LEVEL, buildkitd_objects
from boatyard_kubernetes.names import COMPONENT, MANAGED_BY, common_labels
from boatyard_kubernetes.topology import Topology, choose


def all_objects(
    settings: Settings,
    *,
    namespaces: Iterable[str],
    subject: Mapping[str, str],
    service_account_annotations: Mapping[str, str] | None = None,
) -> list[Resource]:
    """All objects. `subject` is the function's identity in the cluster (kind User, Group or ServiceAccount; name;
    namespace). `service_account_annotations`: the workload identity of builds, such as eks.amazonaws.com/role-arn."""
    names = tuple(namespaces)
    made: list[Resource] = []
    for namespace in names:
        made += build_namespace(settings, namespace, service_account_annotations or {})
    made += function_access(settings, subject, names)
    if choose(settings) is Topology.MANAGED:
        made += buildkitd_objects(settings)
    return made


def build_namespace(settings: Settings, namespace: str, annotations: Mapping[str, str]) -> list[Resource]:
    """A namespace of builds with its Pod Security level, the service account, and a policy against incoming traffic."""
    level = "privileged" if choose(settings) is Topology.DAEMONLESS else "restricted"
    labels = common_labels("build")
    account = settings.kubernetes.service_account
    pull = [LocalObjectReference(name=name) for name in settings.kubernetes.image_pull_secrets] or None
    made: list[Resource] = [Namespace(metadata=ObjectMeta(name=namespace, labels={**labels, LEVEL: level}))]
    if account != "default":
        metadata = ObjectMeta(name=account, namespace=namespace, labels=labels, annotations=dict(annotations) or None)
        made.append(ServiceAccount(metadata=metadata, automountServiceAccountToken=False, imagePullSecrets=pull))
    pods = LabelSelector(matchLabels={MANAGED_BY: "boatyard", COMPONENT: "build"})
    made.append(
        NetworkPolicy(
            metadata=ObjectMeta(name="boatyard-build", namespace=namespace, labels=labels),
            spec=NetworkPolicySpec(podSelector=pods, policyTypes=["Ingress"]),
        )
    )
    return made


def documents(objects: Iterable[Resource]) -> list[dict[str, Any]]:
    return [obj.to_dict() for obj in objects]  # type: ignore[attr-defined]


def to_yaml(objects: Iterable[Resource]) -> str:
    """One YAML stream in the given order, for `kubectl apply -f -`."""
    text: str = yaml.safe_dump_all(documents(objects), sort_keys=False, explicit_start=True)
    return text
