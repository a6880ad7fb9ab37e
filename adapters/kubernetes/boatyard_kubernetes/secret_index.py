"""Keeps the names and kinds of a namespace's secrets in a ConfigMap, never values.

RBAC has no right to list names of Secrets without their values. So the function records the names that it sets, and may
neither get nor list Secrets. A Secret that was created with kubectl can be used, but is not listed.
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
    """The ConfigMap's keys are `<project>.<domain>.<name>`: project and domain contain no dots."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def add(self, namespace: str, scope: Scope, name: str, kind: str) -> None:
        """Records a name. Raises Absent if the namespace does not exist."""
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
                    continue  # another function has just created it
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
        # A merge patch only changes these keys, so concurrent additions do not undo each other.
        self._cluster.merge(ConfigMap, INDEX, namespace, {"data": dict(data)})


def _key(scope: Scope, name: str) -> str:
    return f"{scope.project}.{scope.domain}.{name}"
