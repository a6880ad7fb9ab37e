"""An in-memory deployment key."""

import secrets

from boatyard.realm import KEY_BYTES


class MemoryDeploymentKey:
    """A random key, unless one is given."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or secrets.token_bytes(KEY_BYTES)

    def read(self) -> bytes:
        return self._key
