"""Keeps the deployment's key in Secret Manager.

The function's service account needs secretmanager.versions.access (roles/secretmanager.secretAccessor) and
secretmanager.versions.add (roles/secretmanager.secretVersionAdder) on that one secret.
"""

from typing import Final

from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secret_manager import SecretManager

_FIRST: Final = "1"
"""Versions are numbered from 1, and no number is reused
(https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions). If several functions write
concurrently, one of them writes this version, and all of them read it. The other versions are not used."""


class SecretManagerKey:
    """Implements `boatyard_serverless.deployment_key.KeySecret`."""

    def __init__(self, rest: GoogleRest, name: str) -> None:
        """`name` is the full name, `projects/<project>/secrets/<id>`."""
        self._manager = SecretManager(rest)
        self.name = name

    @property
    def place(self) -> str:
        return f"version {_FIRST} of the secret {self.name}"

    def read(self) -> bytes | None:
        return self._manager.value(self.name, _FIRST, gone=b"")

    def write_first(self, value: bytes) -> bool:
        return self._manager.add(self.name, value) is not None
