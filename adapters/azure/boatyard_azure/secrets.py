"""Key Vault as the service for users' secrets (`boatyard_serverless.secrets`).

The function's identity needs, on the vault, the data actions setSecret, readMetadata, update, delete and recover of
Microsoft.KeyVault/vaults/secrets. getSecret is the job's. A vault grants by no beginning of a name, so it holds these
secrets and nothing else.

A secret's id is `<prefix>/<project>/<domain>/<name>`. Names of Key Vault have no case and nothing but letters, digits
and dashes, so a dash begins what they cannot hold: `--` is a dash, `-s` a slash, `-d` a dot, `-u` an underscore, `-c`
and a letter a capital. An id that becomes too long is hashed. The tag `boatyard-id` has the id itself.
"""

import hashlib
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from boatyard.backoff import growing
from boatyard.errors import BoatyardError, Code, invalid
from boatyard_azure.key_vault import DELETED, KeyVault, VaultSecret
from boatyard_azure.rest import AzureRest

_LABEL: Final = "boatyard-"
_ID: Final = f"{_LABEL}id"
_LONGEST_NAME: Final = 127
_LONGEST_TAG: Final = 256
_LARGEST: Final = 25_000 // 4 * 3
"""Bytes of a value; Key Vault takes 25 kB of text, which is base64."""
_PATIENCE_SECONDS: Final = 15.0
"""A deletion or a recovery takes a few seconds."""
_ESCAPES: Final[Mapping[str, str]] = {"-": "--", "/": "-s", ".": "-d", "_": "-u"}


class VaultSecrets:
    """Implements `boatyard_serverless.secrets.SecretService`."""

    title = "Key Vault"
    separator = "/"

    def __init__(self, rest: AzureRest, vault: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """`vault` is its name or its address."""
        self._vault = KeyVault(rest, vault)
        self._sleep = sleep

    def encode(self, name: str, *, lead: str) -> str:
        if len(lead + name) > _LONGEST_TAG:
            raise ValueError(f"{name!r} is too long a name for Key Vault")
        return name

    def decode(self, text: str) -> str | None:
        return text if text and "/" not in text else None

    def write(self, identity: str, value: bytes, labels: Mapping[str, str]) -> bool:
        """A name that was deleted is recovered first: its old value can be read for as long as that takes."""
        if len(value) > _LARGEST:
            raise invalid(f"the secret has {len(value):,} bytes; Key Vault takes {_LARGEST:,}", field="value")
        name = vault_name(identity)
        tags = {_ID: identity, **{_LABEL + label: said for label, said in labels.items()}}
        made = self._set(name, b64encode(value).decode(), tags)
        if made is None:
            return False
        for version in self._vault.versions(name):
            if version.attributes.enabled and version.version != made.version:
                if version.attributes.created > made.attributes.created:
                    continue  # somebody else's, who is later
                self._vault.disable(name, version.version)
        return True

    def _set(self, name: str, value: str, tags: Mapping[str, str]) -> VaultSecret | None:
        waited = 0.0
        for pause in growing(0.5, 4.0):
            made = self._vault.set(name, value, tags)
            if isinstance(made, VaultSecret):
                return made
            if made == DELETED:
                self._vault.recover(name)
            if waited + pause > _PATIENCE_SECONDS:
                break
            self._sleep(pause)
            waited += pause
        return None

    def read(self, identity: str) -> bytes | None:
        found = self._vault.get(vault_name(identity))
        if found is None or found.value is None or not _is(found, identity):
            return None
        try:
            return b64decode(found.value, validate=True)
        except ValueError:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{identity}: its value cannot be read") from None

    def has(self, identity: str) -> bool:
        versions = [each for each in self._vault.versions(vault_name(identity)) if _is(each, identity)]
        newest = max((each.attributes.created for each in versions), default=0)
        return any(each.attributes.enabled for each in versions if each.attributes.created == newest)

    def delete(self, identity: str) -> bool:
        """Nobody reads it any more, and who may recover secrets can bring it back until the vault's retention ends."""
        return self._vault.delete(vault_name(identity))

    def found(self, lead: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        for each in self._vault.secrets():
            tags = each.tags or {}
            identity = tags.get(_ID, "")
            if identity.startswith(lead) and vault_name(identity) == each.name.lower():
                yield identity, {name.removeprefix(_LABEL): said for name, said in tags.items() if name != _ID}


def vault_name(identity: str) -> str:
    """The id as a name of Key Vault: another one for each id."""
    name = "".join(map(_escaped, identity))
    if len(name) <= _LONGEST_NAME:
        return name
    return f"h-h{hashlib.sha256(identity.encode()).hexdigest()}"  # no id is encoded so: there is no escape -h


def _escaped(character: str) -> str:
    if character.isupper():
        return f"-c{character.lower()}"
    return _ESCAPES.get(character, character)


def _is(secret: VaultSecret, identity: str) -> bool:
    return (secret.tags or {}).get(_ID) == identity
