"""The SecretStore port over a cloud's service for secrets, and the job's side of it.

The function writes values and never reads one back; reading them is the right of the job's identity. A secret's id says
prefix, project, domain and name in this order, so that a policy on the beginning of an id is one on a project.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.policy import check_scope
from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.validate import secret_name

_TRIES: Final = 3
KIND: Final = "kind"


class SecretService(Protocol):
    """Secrets Manager, Secret Manager, Key Vault. Each method raises DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""

    title: str
    separator: str
    """Between the parts of an id. No project and no domain has it."""

    def encode(self, name: str, *, lead: str) -> str:
        """The name as an id has it after `lead`. Raises ValueError if there is no such id, with the reason."""
        ...

    def decode(self, text: str) -> str | None:
        """The name that `encode` gave the text for; None if there is none."""
        ...

    def write(self, identity: str, value: bytes, labels: Mapping[str, str]) -> bool:
        """Makes the secret or gives it a new value. False if somebody else changed it meanwhile."""
        ...

    def read(self, identity: str) -> bytes | None: ...

    def has(self, identity: str) -> bool:
        """Whether it has a value that can be read."""
        ...

    def delete(self, identity: str) -> bool:
        """False if there is no such secret."""
        ...

    def found(self, lead: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Ids and labels, of those at least whose id begins with `lead`."""
        ...


class ServiceSecretStore:
    """Implements `boatyard.ports.SecretStore`."""

    def __init__(self, service: SecretService, prefix: str) -> None:
        self._service = service
        self._prefix = prefix

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        identity = secret_id(self._service, self._prefix, scope, name)
        labels = {KIND: secret.kind, "project": scope.project, "domain": scope.domain}
        for _ in range(_TRIES):
            if self._service.write(identity, secret.value, labels):
                return
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{self._service.title} did not accept {name}; try again")

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        lead = _lead(self._service, self._prefix, scope)
        known: list[KnownSecret] = []
        for identity, labels in self._service.found(lead):
            # The filter is the service's; what is shown is ours to decide.
            name = self._service.decode(identity.removeprefix(lead)) if identity.startswith(lead) else None
            if name is not None:
                kind = "image_pull" if labels.get(KIND) == "image_pull" else "build"
                known.append(KnownSecret(name=name, kind=kind))
        return tuple(sorted(known, key=lambda secret: secret.name))

    def delete(self, scope: Scope, name: str) -> bool:
        return self._service.delete(secret_id(self._service, self._prefix, scope, name))

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = [(name, secret_id(self._service, self._prefix, scope, name, field="secret")) for name in names]
        return tuple(name for name, identity in asked if not self._service.has(identity))


def read_secret(service: SecretService, prefix: str, scope: Scope, name: str) -> bytes:
    """Inside the job. Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""
    value = service.read(secret_id(service, prefix, scope, name))
    if value is None:
        raise BoatyardError(Code.SECRET_NOT_FOUND, f"there is no secret {name}", missing=(name,))
    return value


def secret_id(service: SecretService, prefix: str, scope: Scope, name: str, *, field: str = "name") -> str:
    """Raises INVALID_SPEC for a name that could be another one's id, or is too long."""
    lead = _lead(service, prefix, scope)
    checked = secret_name(name, field=field)
    try:
        return lead + service.encode(checked, lead=lead)
    except ValueError as error:
        raise invalid(str(error), field=field) from None


def _lead(service: SecretService, prefix: str, scope: Scope) -> str:
    """What the ids of a scope's secrets begin with."""
    check_scope(scope)
    return service.separator.join((prefix, scope.project, scope.domain, ""))
