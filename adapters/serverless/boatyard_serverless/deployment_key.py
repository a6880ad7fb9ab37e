"""The deployment's key in a secret of the cloud. Terraform makes the secret and no value; the first function that needs
one writes it, so that it is in no state file.

The function's identity may read and write that one secret. No job's may read it.
"""

import secrets
import threading
from typing import Protocol

from boatyard.errors import BoatyardError, Code
from boatyard.realm import KEY_BYTES


class KeySecret(Protocol):
    """One secret that is written once."""

    @property
    def place(self) -> str:
        """For people: `the secret NAME`, and where in it the bytes have to be."""
        ...

    def read(self) -> bytes | None:
        """None if it has no value yet; empty if its value is not bytes."""
        ...

    def write_first(self, value: bytes) -> None:
        """Of any number of calls, from anywhere, the first one's value stays; the others change nothing.

        Raises DATAPLANE_UNAVAILABLE if there is no such secret.
        """
        ...


class SecretDeploymentKey:
    """Implements `boatyard.ports.DeploymentKey`. Thread-safe; asks once in the life of a function's instance."""

    def __init__(self, secret: KeySecret) -> None:
        self._secret = secret
        self._key = b""
        self._lock = threading.Lock()

    def read(self) -> bytes:
        with self._lock:
            if not self._key:
                key = self._secret.read()
                if key is None:
                    self._secret.write_first(secrets.token_bytes(KEY_BYTES))
                    key = self._secret.read()  # another function may have been quicker
                self._key = self._checked(key)
            return self._key

    def _checked(self, key: bytes | None) -> bytes:
        """Never replaced if it is damaged: all images would have new names."""
        if key is not None and len(key) == KEY_BYTES:
            return key
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"{self._secret.place} does not hold {KEY_BYTES} bytes, as the deployment's key has: "
            "give it back the value that it had. A new value makes every image be built again",
        )
