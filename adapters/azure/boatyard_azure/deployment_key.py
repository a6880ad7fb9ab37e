"""The secret of the deployment's key in Key Vault.

The function's identity needs the data actions getSecret and setSecret of Microsoft.KeyVault/vaults/secrets on that one
secret, in a vault that no job may read: a job reads every secret of its own vault.

Key Vault has no write that only one of several callers can make. Every caller's value becomes a version, and an object
in the deployment's bucket, which is created once, says which version is the key.
"""

import re
from base64 import b64decode, b64encode
from typing import Final
from urllib.parse import urlsplit

from boatyard.errors import BoatyardError, Code, invalid
from boatyard_azure.key_vault import KeyVault, VaultSecret
from boatyard_azure.rest import AzureRest
from boatyard_serverless.ports import Bucket

CHOSEN: Final = "deployment-key"
"""The object's key. No job may write it."""
_PATH: Final = re.compile(r"/secrets/([0-9A-Za-z-]{1,127})\Z")
_VERSION: Final = re.compile(r"[0-9A-Za-z]{1,64}\Z")


class KeyVaultKey:
    """Implements `boatyard_serverless.deployment_key.KeySecret`."""

    def __init__(self, rest: AzureRest, url: str, bucket: Bucket) -> None:
        """`url` is the secret's identifier without a version, `https://<vault>/secrets/<name>`."""
        vault, self._secret = parse_key_url(url)
        self._vault = KeyVault(rest, vault)
        self._bucket = bucket
        self.name = url

    @property
    def place(self) -> str:
        return f"the version of {self.name} that the object {CHOSEN} names"

    def read(self) -> bytes | None:
        chosen = self._bucket.get(CHOSEN)
        if chosen is None:
            return None
        version = chosen.body.decode("ascii", "replace")
        return _bytes(self._vault.get(self._secret, version) if _VERSION.match(version) else None)

    def write_first(self, value: bytes) -> bool:
        """Takes a version that nobody has chosen yet, as after a kill between the two steps, before it makes one."""
        made: VaultSecret | str | None = self._vault.get(self._secret)
        if made is None:
            made = self._vault.set(self._secret, b64encode(value).decode(), {})
        if isinstance(made, str) or not _VERSION.match(made.version):
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE,
                f"the secret {self.name} of the deployment's key was deleted or disabled: recover it. "
                "A new value makes every image be built again",
            )
        self._bucket.create(CHOSEN, made.version.encode())
        return True


def parse_key_url(url: str) -> tuple[str, str]:
    """The vault's address and the secret's name. Raises INVALID_SPEC."""
    parts = urlsplit(url)
    found = _PATH.match(parts.path)
    if found is None or not parts.hostname or parts.query:
        raise invalid(f"{url[:200]!r} is not the address of a secret, https://<vault>/secrets/<name>")
    return f"{parts.scheme}://{parts.netloc}", found[1]


def _bytes(secret: VaultSecret | None) -> bytes:
    """Empty for a version that is gone, disabled or no bytes: no other one takes its place."""
    try:
        return b64decode((secret.value if secret else None) or "", validate=True)
    except ValueError:
        return b""
