"""The SecretStore port on Secret Manager. The function writes values and never reads one back.

Its service account needs secretmanager.secrets.create, update, delete and list, and secretmanager.versions.add, get,
list and destroy; all but secrets.create and secrets.list can be bound to the prefix by a condition on resource.name.
secretmanager.versions.access is the job's.

A secret is called `<prefix>_<project>_<domain>_<name>`. Projects and domains have no _, so a condition that
resource.name starts with `…/secrets/<prefix>_<project>_` is one on a project. Ids have no dot: in a name, a dot is `_d`
and an underscore `__`.
"""

from collections.abc import Iterable
from typing import Final

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.policy import check_scope
from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.validate import secret_name
from boatyard_gcp.rest import Rest
from boatyard_gcp.secret_manager import SecretManager

_TRIES: Final = 3
_KIND: Final = "boatyard-kind"
_LONGEST_ID: Final = 255


class SecretManagerStore:
    """Implements `boatyard.ports.SecretStore`."""

    def __init__(self, rest: Rest, project: str, prefix: str) -> None:
        """`project` is the Google Cloud project that holds the secrets, by its id."""
        self._manager = SecretManager(rest)
        self._project = project
        self._prefix = prefix

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        identity = secret_id(self._prefix, scope, name)
        full = secret_path(self._project, identity)
        labels = {_KIND: secret.kind, "boatyard-project": scope.project, "boatyard-domain": scope.domain}
        for _ in range(_TRIES):
            made = self._manager.create(self._project, identity, labels=labels)
            if not made and not self._manager.label(full, labels):
                continue  # deleted since the look
            if version := self._manager.add(full, secret.value):
                self._manager.destroy_others(full, version)
                return
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"Secret Manager did not take {name}; ask again")

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        prefix = secret_prefix(self._prefix, scope)
        known: list[KnownSecret] = []
        for found in self._manager.secrets(self._project, prefix):
            # The filter is the service's; what is shown is ours to decide.
            identity = found.name.rpartition("/")[2]
            name = decoded(identity.removeprefix(prefix))
            if identity.startswith(prefix) and name is not None:
                kind = "image_pull" if found.labels.get(_KIND) == "image_pull" else "build"
                known.append(KnownSecret(name=name, kind=kind))
        return tuple(sorted(known, key=lambda secret: secret.name))

    def delete(self, scope: Scope, name: str) -> bool:
        """At once: Secret Manager keeps nothing of it."""
        return self._manager.delete(secret_path(self._project, secret_id(self._prefix, scope, name)))

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = [(name, secret_id(self._prefix, scope, name, field="secret")) for name in names]
        return tuple(
            name for name, identity in asked if not self._manager.has_value(secret_path(self._project, identity))
        )


def secret_path(project: str, identity: str) -> str:
    return f"projects/{project}/secrets/{identity}"


def secret_id(prefix: str, scope: Scope, name: str, *, field: str = "name") -> str:
    """Raises INVALID_SPEC for a name that could be another one's, or is too long."""
    identity = secret_prefix(prefix, scope) + _encoded(secret_name(name, field=field))
    if len(identity) > _LONGEST_ID:
        raise invalid(f"{name!r} is too long a name for Secret Manager", field=field)
    return identity


def secret_prefix(prefix: str, scope: Scope) -> str:
    """What the ids of a scope's secrets begin with."""
    check_scope(scope)
    return f"{prefix}_{scope.project}_{scope.domain}_"


def _encoded(name: str) -> str:
    return name.replace("_", "__").replace(".", "_d")


def decoded(text: str) -> str | None:
    """The name; None for what is no secret of ours."""
    name = "_".join(part.replace("_d", ".") for part in text.split("__"))
    return name if text and _encoded(name) == text else None
