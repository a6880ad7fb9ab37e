"""The SecretStore port on Kubernetes Secrets, in the namespace that builds of the scope run in.

Secrets are written and never read: the function may create, patch and delete them, and RBAC has no right to see only
names (`list` would show values). So it checks for one by creating it in a dry run: 409 means that it exists.
`secret_index` keeps the names for `list`.
"""

import base64
from collections.abc import Iterable
from typing import Final

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.settings import Settings
from boatyard.validate import secret_name
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.names import (
    DOMAIN,
    PROJECT,
    PULL_KIND,
    SECRET_KINDS,
    SECRET_VALUE,
    common_labels,
    namespace_of,
    secret_object_name,
)
from boatyard_kubernetes.refusals import Absent, Exists
from boatyard_kubernetes.secret_index import SecretIndex

NAME: Final = "boatyard.io/secret"
"""Annotation: the secret's name for users."""
_DOCKER_KEY: Final = ".dockerconfigjson"
_DOCKER_TYPE: Final = "kubernetes.io/dockerconfigjson"
_LARGEST: Final = 500 * 1024
"""Bytes. BuildKit allows no larger secret (MaxSecretSize), and a Secret with two copies stays below 1 MiB."""


class KubernetesSecretStore:
    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._index = SecretIndex(cluster)

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        """Raises INVALID_SPEC for a value that is invalid for its kind."""
        made = self._object(scope, secret_name(name, field="name"), secret.kind, secret.value)
        assert made.metadata is not None and made.metadata.name and made.metadata.namespace  # noqa: S101 - as made
        try:
            self._cluster.apply(made, made.metadata.name, made.metadata.namespace)
            self._index.add(made.metadata.namespace, scope, name, secret.kind)
        except Absent as absent:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the secret could not be written: {absent}") from None
        for other in SECRET_KINDS:
            if other != secret.kind:
                self._delete(scope, name, other)

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        return self._index.names(namespace_of(self._settings.kubernetes, scope), scope)

    def delete(self, scope: Scope, name: str) -> bool:
        secret_name(name, field="name")
        deleted = [self._delete(scope, name, kind) for kind in SECRET_KINDS]
        self._index.remove(namespace_of(self._settings.kubernetes, scope), scope, name)
        return any(deleted)

    def _delete(self, scope: Scope, name: str, kind: str) -> bool:
        try:
            self._cluster.delete(
                Secret, secret_object_name(scope, kind, name), namespace_of(self._settings.kubernetes, scope)
            )
        except Absent:
            return False
        return True

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = [secret_name(name, field="secret") for name in names]
        return tuple(name for name in asked if not any(self._exists(scope, name, kind) for kind in SECRET_KINDS))

    def _exists(self, scope: Scope, name: str, kind: str) -> bool:
        probe = self._object(scope, name, kind, b'{"auths":{"registry.invalid":{}}}')
        assert probe.metadata is not None  # noqa: S101 - as made
        try:
            self._cluster.create(probe, probe.metadata.namespace, dry_run=True)
        except Exists:
            return True
        return False

    def _object(self, scope: Scope, name: str, kind: str, value: bytes) -> Secret:
        if len(value) > _LARGEST:
            raise invalid(f"the value has {len(value):,} bytes; at most {_LARGEST:,} are possible", field="value")
        data = {SECRET_VALUE: base64.b64encode(value).decode()}
        if kind == PULL_KIND:
            data[_DOCKER_KEY] = data[SECRET_VALUE]
        return Secret(
            metadata=ObjectMeta(
                name=secret_object_name(scope, kind, name),
                namespace=namespace_of(self._settings.kubernetes, scope),
                labels={**common_labels("secret"), PROJECT: scope.project, DOMAIN: scope.domain},
                annotations={NAME: name},
            ),
            type=_DOCKER_TYPE if kind == PULL_KIND else "Opaque",
            data=data,
        )
