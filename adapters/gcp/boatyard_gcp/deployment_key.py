"""The deployment's key in Secret Manager. Terraform makes the secret and no version; the first function that needs one
writes it, so that it is in no state file.

Its service account needs secretmanager.versions.access (roles/secretmanager.secretAccessor) and .versions.add
(roles/secretmanager.secretVersionAdder) on that one secret. No job may read it.
"""

import secrets
import threading
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.realm import KEY_BYTES
from boatyard_gcp.rest import Rest
from boatyard_gcp.secret_manager import SecretManager

_FIRST: Final = "1"
"""Versions are numbered from 1, and no number comes again
(https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions): of any number of functions
that write at once one writes this, and all of them read it. What the others wrote is never used."""


class SecretManagerKey:
    """Implements `boatyard.ports.DeploymentKey`. Thread-safe; asks once in the life of a function's instance."""

    def __init__(self, rest: Rest, secret: str) -> None:
        """`secret` is the secret's whole name, `projects/<project>/secrets/<id>`."""
        self._manager = SecretManager(rest)
        self._secret = secret
        self._key = b""
        self._lock = threading.Lock()

    def read(self) -> bytes:
        with self._lock:
            if not self._key:
                key = self._manager.value(self._secret, _FIRST)
                if key is None:
                    self._write_first()
                    key = self._manager.value(self._secret, _FIRST)
                self._key = self._checked(key)
            return self._key

    def _write_first(self) -> None:
        """A version that was destroyed is not written again: what comes is another number."""
        if self._manager.add(self._secret, secrets.token_bytes(KEY_BYTES)) is None:
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE,
                f"there is no secret {self._secret} for the deployment's key; terraform apply makes it",
            )

    def _checked(self, key: bytes | None) -> bytes:
        if key is not None and len(key) == KEY_BYTES:
            return key
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"version 1 of {self._secret} does not hold the {KEY_BYTES} bytes of the deployment's key: enable it "
            "if it is disabled. With another key every image is built again; for that, make the secret again",
        )
