"""Authorization: the RBAC authorizer over the Role and Binding objects in the store.

kubernetes.io/docs/reference/access-authn-authz/rbac: rules add up, nothing denies; a `create` cannot be restricted to a
resourceName; a subresource is a separate resource.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.loopback.store import Object, Store

_GROUP = "rbac.authorization.k8s.io"


class Ask(NamedTuple):
    verb: str
    group: str
    resource: str
    """`pods`, or with the subresource `pods/log`."""
    namespace: str
    name: str = ""


class User(NamedTuple):
    name: str
    groups: tuple[str, ...] = ("system:authenticated",)


ADMIN = User("admin", ("system:masters", "system:authenticated"))


def service_account(namespace: str, name: str) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


class Authorizer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.used: list[tuple[User, Ask]] = []
        """Everything that was allowed, for tests that compare it with what was granted."""

    def check(self, user: User, ask: Ask) -> None:
        if not self.allows(user, ask):
            raise Refused(403, refusal(user, ask), details={"group": ask.group, "kind": ask.resource})
        self.used.append((user, ask))

    def allows(self, user: User, ask: Ask) -> bool:
        if "system:masters" in user.groups:
            return True
        return any(_covers(rule, ask) for rule in self._rules(user, ask.namespace))

    def _rules(self, user: User, namespace: str) -> Iterator[dict[str, Any]]:
        for binding in self._of("clusterrolebindings", None):
            if _binds(binding, user):
                yield from self._role(binding, "")
        if namespace:
            for binding in self._of("rolebindings", namespace):
                if _binds(binding, user):
                    yield from self._role(binding, namespace)

    def _role(self, binding: Object, namespace: str) -> list[dict[str, Any]]:
        reference = binding["roleRef"]
        plural = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
        resource = BY_PATH[_GROUP, "v1", plural]
        try:
            found = self._store.get(resource, "" if plural == "clusterroles" else namespace, reference["name"])
        except Refused:
            return []
        rules: list[dict[str, Any]] = found.get("rules") or []
        return rules

    def _of(self, plural: str, namespace: str | None) -> list[Object]:
        return self._store.find(BY_PATH[_GROUP, "v1", plural], namespace)


def refusal(user: User, ask: Ask) -> str:
    where = f'in the namespace "{ask.namespace}"' if ask.namespace else "at the cluster scope"
    full = f"{ask.resource}.{ask.group}" if ask.group else ask.resource
    subject = f'{full} "{ask.name}"' if ask.name else full
    return (
        f'{subject} is forbidden: User "{user.name}" cannot {ask.verb} resource "{ask.resource}" '
        f'in API group "{ask.group}" {where}'
    )


def _binds(binding: Object, user: User) -> bool:
    for subject in binding.get("subjects") or ():
        match subject["kind"]:
            case "User" if subject["name"] == user.name:
                return True
            case "Group" if subject["name"] in user.groups:
                return True
            case "ServiceAccount":
                namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
                if user.name == f"system:serviceaccount:{namespace}:{subject['name']}":
                    return True
    return False


def _covers(rule: dict[str, Any], ask: Ask) -> bool:
    names = rule.get("resourceNames")
    return (
        _in(rule.get("verbs"), ask.verb)
        and _in(rule.get("apiGroups"), ask.group)
        and _in(rule.get("resources"), ask.resource)
        and (not names or (bool(ask.name) and ask.name in names))
    )


def _in(allowed: list[str] | None, value: str) -> bool:
    return bool(allowed) and ("*" in allowed or value in allowed)  # type: ignore[operator, arg-type]
