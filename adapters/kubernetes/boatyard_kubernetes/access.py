"""The function's rights in the cluster, each verb with its reason. It needs no others.

In each namespace of builds a Role:

    jobs        create   a build begins
                list     what builds there are; their state
                patch    release, cancel, keep the result
                delete   take back a Job that lost against a rival, or whose plan was refused
    pods        list     how a build stands, and how it ended
    pods/log    get      its log and progress
    events      list     why a pod does not come or does not start
    secrets     create   the plan; a user's secret; asking whether one is there, by a dry run
                patch    a user's secret that is given again
                delete   a user's secret that is deleted
    configmaps  create   the names of secrets (boatyard-secrets), for RBAC cannot list names without values
                get, patch   that one object

Values of secrets cannot be read with this: no get, list or watch. If the configuration does not name the builds'
namespaces, reading (jobs, pods: list) is granted on the whole cluster.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from lightkube.core.resource import Resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule, RoleRef, Subject
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from boatyard.settings import Settings
from boatyard_kubernetes.names import common_labels, reach
from boatyard_kubernetes.secret_index import INDEX

NAME: Final = "boatyard-function"
_GROUP: Final = "rbac.authorization.k8s.io"


def rules() -> list[PolicyRule]:
    """The rules for a namespace of builds."""
    return [
        PolicyRule(apiGroups=["batch"], resources=["jobs"], verbs=["create", "delete", "list", "patch"]),
        PolicyRule(apiGroups=[""], resources=["pods"], verbs=["list"]),
        PolicyRule(apiGroups=[""], resources=["pods/log"], verbs=["get"]),
        PolicyRule(apiGroups=[""], resources=["events"], verbs=["list"]),
        PolicyRule(apiGroups=[""], resources=["secrets"], verbs=["create", "delete", "patch"]),
        PolicyRule(apiGroups=[""], resources=["configmaps"], verbs=["create"]),
        PolicyRule(apiGroups=[""], resources=["configmaps"], resourceNames=[INDEX], verbs=["get", "patch"]),
    ]


def cluster_rules(settings: Settings) -> list[PolicyRule]:
    """The rules for the whole cluster; none if the configuration names the namespaces."""
    found: list[PolicyRule] = []
    if None in reach(settings.kubernetes):
        found += [
            PolicyRule(apiGroups=["batch"], resources=["jobs"], verbs=["list"]),
            PolicyRule(apiGroups=[""], resources=["pods"], verbs=["list"]),
        ]
    if settings.kubernetes.create_namespaces:
        found += [PolicyRule(apiGroups=[""], resources=["namespaces"], verbs=["create"]), *rules()]
    return found


def function_access(settings: Settings, subject: Mapping[str, str], namespaces: Iterable[str]) -> list[Resource]:
    """Roles and bindings for `subject` ({kind: User|Group|ServiceAccount, name, namespace}) in `namespaces`."""
    bound = Subject(
        kind=subject["kind"],
        name=subject["name"],
        namespace=subject.get("namespace"),
        apiGroup=None if subject["kind"] == "ServiceAccount" else _GROUP,
    )
    made: list[Resource] = []
    for namespace in namespaces:
        metadata = ObjectMeta(name=NAME, namespace=namespace, labels=common_labels("function"))
        made.append(Role(metadata=metadata, rules=rules()))
        reference = RoleRef(apiGroup=_GROUP, kind="Role", name=NAME)
        made.append(RoleBinding(metadata=metadata, roleRef=reference, subjects=[bound]))
    if wide := cluster_rules(settings):
        everywhere = ObjectMeta(name=NAME, labels=common_labels("function"))
        made.append(ClusterRole(metadata=everywhere, rules=wide))
        reference = RoleRef(apiGroup=_GROUP, kind="ClusterRole", name=NAME)
        made.append(ClusterRoleBinding(metadata=everywhere, roleRef=reference, subjects=[bound]))
    return made
