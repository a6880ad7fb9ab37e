"""Stores the deployment's key in a secret of the cloud.

Terraform creates the secret without a value, so that no state file contains the key; the first function that needs the
key writes it. The function's identity may read and write that one secret, and no job's identity may read it.
"""

import secrets
import threading
from typing import Protocol

from boatyard.errors import BoatyardError, Code
from boatyard.realm import KEY_BYTES


class KeySecret(Protocol):
    """A secret that is written once."""

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> str:
        """`the secret NAME`, and the field that holds the bytes. Error messages contain it."""
        ...

    def read(self) -> bytes | None:
        """Returns None if the secret has no value yet, and b"" if its value is not bytes."""
        ...

    def write_first(self, value: bytes) -> bool:
        """Stores the value of the first call only, wherever the calls come from. Later calls change nothing.

        Returns False if the secret does not exist.
        """
        ...


class SecretDeploymentKey:
    """Implements `boatyard.ports.DeploymentKey`. Thread-safe; reads the secret once per function instance."""

    def __init__(self, secret: KeySecret) -> None:
        self._secret = secret
        self._key = b""
        self._lock = threading.Lock()

    def read(self) -> bytes:
        with self._lock:
            if not self._key:
                key = self._secret.read()
                if key is None:
                    key = self._written()
                self._key = self._checked(key)
            return self._key

    def _written(self) -> bytes | None:
        if not self._secret.write_first(secrets.token_bytes(KEY_BYTES)):
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE,
                f"there is no secret {self._secret.name} for the deployment's key; terraform apply makes it",
            )
        return self._secret.read()  # another function may have written it first

    def _checked(self, key: bytes | None) -> bytes:
        """Never replaces a damaged key: every image would get a new name."""
        if key is not None and len(key) == KEY_BYTES:
            return key
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"{self._secret.place} does not hold {KEY_BYTES} bytes, as the deployment's key has: "
            "restore its former version. A new value makes every image be built again",
        )
