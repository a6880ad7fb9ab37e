"""Users' secrets and the deployment's key, in memory."""

import secrets
import threading
from collections.abc import Iterable

from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.realm import KEY_BYTES
from boatyard.validate import secret_name


class MemorySecretStore:
    def __init__(self) -> None:
        self._secrets: dict[tuple[Scope, str], SecretValue] = {}
        self._lock = threading.Lock()

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        secret_name(name, field="name")
        with self._lock:
            self._secrets[scope, name] = secret

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        with self._lock:
            found = [(name, secret.kind) for (owner, name), secret in self._secrets.items() if owner == scope]
        return tuple(KnownSecret(name=name, kind=kind) for name, kind in sorted(found))

    def delete(self, scope: Scope, name: str) -> bool:
        secret_name(name, field="name")
        with self._lock:
            return self._secrets.pop((scope, name), None) is not None

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = [secret_name(name, field="secret") for name in names]
        with self._lock:
            return tuple(name for name in asked if (scope, name) not in self._secrets)


class MemoryDeploymentKey:
    """A random key, unless one is given."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or secrets.token_bytes(KEY_BYTES)

    def read(self) -> bytes:
        return self._key
