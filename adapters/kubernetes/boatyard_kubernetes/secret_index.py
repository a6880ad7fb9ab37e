"""Which secrets a namespace has, in a ConfigMap: names and kinds, never values.

RBAC has no right to list the names of Secrets without their values. So the function keeps the names that it put,
and may neither get nor list a Secret. What somebody puts with kubectl is usable and not listed.
"""

from collections.abc import Mapping
from typing import Final

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from boatyard.ports import KnownSecret, Scope
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.names import common_labels
from boatyard_kubernetes.refusals import Absent, Exists

INDEX: Final = "boatyard-secrets"
_TRIES: Final = 2


class SecretIndex:
    """Keys of the ConfigMap are `<project>.<domain>.<name>`: neither a project nor a domain holds a dot."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def add(self, namespace: str, scope: Scope, name: str, kind: str) -> None:
        """Raises Absent if the namespace is not there."""
        data = {_key(scope, name): kind}
        made = ConfigMap(
            metadata=ObjectMeta(name=INDEX, namespace=namespace, labels=common_labels("secret")), data=data
        )
        for _ in range(_TRIES):
            try:
                self._merge(namespace, data)
                return
            except Absent:
                try:
                    self._cluster.create(made, namespace)
                    return
                except Exists:
                    continue  # somebody else made it a moment ago
        self._merge(namespace, data)

    def remove(self, namespace: str, scope: Scope, name: str) -> None:
        try:
            self._merge(namespace, {_key(scope, name): None})
        except Absent:
            return

    def names(self, namespace: str, scope: Scope) -> tuple[KnownSecret, ...]:
        try:
            data = self._cluster.get(ConfigMap, INDEX, namespace).data or {}
        except Absent:
            return ()
        prefix = _key(scope, "")
        found = ((key.removeprefix(prefix), kind) for key, kind in data.items() if key.startswith(prefix))
        return tuple(KnownSecret(name=name, kind=kind) for name, kind in sorted(found))

    def _merge(self, namespace: str, data: Mapping[str, str | None]) -> None:
        # A merge patch touches these keys alone, so two functions that add names at once do not undo each other.
        self._cluster.merge(ConfigMap, INDEX, namespace, {"data": dict(data)})


def _key(scope: Scope, name: str) -> str:
    return f"{scope.project}.{scope.domain}.{name}"
