"""Users' secrets and the deployment's key at a service in memory."""

import threading
from collections.abc import Iterator, Mapping


class MemorySecretService:
    """Implements `boatyard_serverless.secrets.SecretService`."""

    title = "the service in memory"
    separator = "/"

    def __init__(self) -> None:
        self._secrets: dict[str, tuple[bytes, Mapping[str, str]]] = {}
        self._lock = threading.Lock()
        self.conflicts = 0
        """How many of the next writes another caller prevents."""

    def encode(self, name: str, *, lead: str) -> str:
        return name

    def decode(self, text: str) -> str | None:
        return text if text and "/" not in text else None

    def write(self, identity: str, value: bytes, labels: Mapping[str, str]) -> bool:
        with self._lock:
            if self.conflicts > 0:
                self.conflicts -= 1
                return False
            self._secrets[identity] = (value, dict(labels))
            return True

    def read(self, identity: str) -> bytes | None:
        found = self._secrets.get(identity)
        return found[0] if found else None

    def has(self, identity: str) -> bool:
        return identity in self._secrets

    def delete(self, identity: str) -> bool:
        with self._lock:
            return self._secrets.pop(identity, None) is not None

    def found(self, lead: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """More than was asked for, as a service's filter of words may give."""
        with self._lock:
            known = list(self._secrets.items())
        yield from ((identity, labels) for identity, (_, labels) in known if lead in identity)


class MemoryKeySecret:
    """Implements `boatyard_serverless.deployment_key.KeySecret`."""

    name = "memory"
    place = "the secret in memory"

    def __init__(self, value: bytes | None = None) -> None:
        self.value = value
        self._lock = threading.Lock()

    def read(self) -> bytes | None:
        return self.value

    def write_first(self, value: bytes) -> bool:
        with self._lock:
            if self.value is None:
                self.value = value
        return True
