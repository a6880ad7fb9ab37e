"""Checks with the cluster whether the function has its rights.

The function's identity is given, or found in its bindings (`boatyard_kubernetes.access`). LocalSubjectAccessReview and
SubjectAccessReview answer for another identity. If the user may not create them, or not read the bindings, the user's
own rights are checked instead (SelfSubjectAccessReview), which everybody may do.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from lightkube.models.authorization_v1 import (
    ResourceAttributes,
    SelfSubjectAccessReviewSpec,
    SubjectAccessReviewSpec,
)
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule, Subject
from lightkube.resources.authorization_v1 import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SubjectAccessReview,
)
from lightkube.resources.rbac_authorization_v1 import ClusterRoleBinding, RoleBinding

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, fail, ok, unknown, warn
from boatyard.settings import Settings
from boatyard_kubernetes.access import NAME, cluster_rules, rules
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.doctor.refusal import ASK, not_seen, reason_of
from boatyard_kubernetes.refusals import Absent

_CHECK: Final = "rbac"
_EVERYBODY: Final = "system:authenticated"
_GRANT: Final = (
    "As an administrator apply the Terraform module, or what `python -m boatyard_kubernetes manifests …` prints."
)
Ask = Callable[[ResourceAttributes], bool]


class Person(NamedTuple):
    """An identity in the cluster."""

    user: str
    groups: tuple[str, ...]

    def __str__(self) -> str:
        return self.user or f"the group {self.groups[0]}"


def check_rights(
    cluster: Cluster, settings: Settings, namespace: str, *, me: str, function: Person | None = None
) -> Finding:
    """The finding. `me` is the user's name. Without `function`, its bindings are read."""
    try:
        people = [function] if function else _bound(cluster, namespace)
    except BoatyardError as error:
        return _for_me(cluster, settings, namespace, me, reason_of(error))
    if not people:
        return fail(
            _CHECK,
            f"nothing is granted to the function: there is no RoleBinding {NAME} in {namespace}",
            f"{_GRANT} If its rights come from elsewhere, name it with --as or --as-group.",
        )
    missing: list[str] = []
    try:
        for person in people:
            if short := _missing(settings, namespace, _for_person(cluster, person)):
                missing.append(f"{person} may not {'; '.join(short)}")
    except BoatyardError as error:
        return unknown(_CHECK, f"not known of {people[0]}: {reason_of(error)}", ASK)
    if missing:
        return fail(_CHECK, ". ".join(missing), _GRANT)
    return ok(_CHECK, f"{', '.join(map(str, people))} may do all that builds in {namespace} need")


def _for_me(cluster: Cluster, settings: Settings, namespace: str, me: str, unseen: str) -> Finding:
    def ask(attributes: ResourceAttributes) -> bool:
        spec = SelfSubjectAccessReviewSpec(resourceAttributes=attributes)
        answer = cluster.create(SelfSubjectAccessReview(metadata=ObjectMeta(), spec=spec), None)
        return bool(answer.status and answer.status.allowed)

    try:
        missing = _missing(settings, namespace, ask)
    except BoatyardError as error:
        return not_seen(_CHECK, error)
    if missing:
        return fail(_CHECK, f"{me} may not {'; '.join(missing)}", _GRANT)
    return warn(
        _CHECK,
        f"{me} may do all that builds in {namespace} need; who the function is is not known ({unseen})",
        "Nothing is wrong if you are the function. Else name it with --as or --as-group, or ask as an administrator.",
    )


def _bound(cluster: Cluster, namespace: str) -> list[Person]:
    """The subjects of the function's bindings; of the cluster-wide one if namespaces are created on demand."""
    subjects: list[Subject] = []
    try:
        subjects = cluster.get(RoleBinding, NAME, namespace).subjects or []
    except Absent:
        try:
            subjects = cluster.get(ClusterRoleBinding, NAME, None).subjects or []
        except Absent:
            return []
    return [_person(subject, namespace) for subject in subjects]


def _person(subject: Subject, namespace: str) -> Person:
    match subject.kind:
        case "ServiceAccount":
            home = subject.namespace or namespace
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{home}", _EVERYBODY)
            return Person(f"system:serviceaccount:{home}:{subject.name}", groups)
        case "Group":
            return Person("", (subject.name, _EVERYBODY))
    return Person(subject.name, (_EVERYBODY,))


def _for_person(cluster: Cluster, person: Person) -> Ask:
    def ask(attributes: ResourceAttributes) -> bool:
        spec = SubjectAccessReviewSpec(
            user=person.user or None, groups=list(person.groups) or None, resourceAttributes=attributes
        )
        # The local review needs no right on the whole cluster.
        if attributes.namespace:
            metadata = ObjectMeta(namespace=attributes.namespace)
            local = cluster.create(LocalSubjectAccessReview(metadata=metadata, spec=spec), attributes.namespace)
            return bool(local.status and local.status.allowed)
        answer = cluster.create(SubjectAccessReview(metadata=ObjectMeta(), spec=spec), None)
        return bool(answer.status and answer.status.allowed)

    return ask


def _missing(settings: Settings, namespace: str, ask: Ask) -> list[str]:
    """Missing rights such as `create, list jobs.batch in <namespace>`, each resource once."""
    verbs: dict[str, list[str]] = {}
    for rule, where in [(rule, namespace) for rule in rules()] + [(rule, "") for rule in cluster_rules(settings)]:
        for verb, resource, attributes in _asked(rule, where):
            place = f"{resource} {f'in {where}' if where else 'in all namespaces'}"
            if verb not in verbs.get(place, ()) and not ask(attributes):
                verbs.setdefault(place, []).append(verb)
    return [f"{', '.join(missing)} {place}" for place, missing in verbs.items()]


def _asked(rule: PolicyRule, namespace: str) -> Iterator[tuple[str, str, ResourceAttributes]]:
    for group in rule.apiGroups or ():
        for resource in rule.resources or ():
            plural, _, sub = resource.partition("/")
            for verb in rule.verbs:
                for name in rule.resourceNames or (None,):
                    attributes = ResourceAttributes(
                        verb=verb,
                        group=group,
                        resource=plural,
                        subresource=sub or None,
                        name=name,
                        namespace=namespace or None,
                    )
                    yield verb, f"{resource}{f'.{group}' if group else ''}{f' {name}' if name else ''}", attributes
