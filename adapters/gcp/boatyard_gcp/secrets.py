"""Secret Manager as the service for users' secrets (`boatyard_serverless.secrets`).

The function's service account needs secretmanager.secrets.create, update, delete and list, and
secretmanager.versions.add, get, list and destroy; all but secrets.create and secrets.list can be bound to the prefix by
a condition on resource.name. Only the job needs secretmanager.versions.access.

A secret's id is `<prefix>_<project>_<domain>_<name>`. Projects and domains have no _, so a condition that resource.name
starts with `…/secrets/<prefix>_<project>_` selects one project. Ids have no dot: in a name, a dot is `_d` and an
underscore `__`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secret_manager import SecretManager

_LABEL: Final = "boatyard-"
_LONGEST_ID: Final = 255


class ProjectSecrets:
    """Implements `boatyard_serverless.secrets.SecretService`."""

    title = "Secret Manager"
    separator = "_"

    def __init__(self, rest: GoogleRest, project: str, *, kms_key: str = "") -> None:
        """`project` is the Google Cloud project that holds the secrets, by its id. `kms_key` encrypts new ones."""
        self._manager = SecretManager(rest)
        self._kms_key = kms_key
        self._project = project

    def encode(self, name: str, *, lead: str) -> str:
        encoded = _encoded(name)
        if len(lead + encoded) > _LONGEST_ID:
            raise ValueError(f"{name!r} is too long for a name in Secret Manager")
        return encoded

    def decode(self, text: str) -> str | None:
        name = "_".join(part.replace("_d", ".") for part in text.split("__"))
        return name if text and _encoded(name) == text else None

    def write(self, identity: str, value: bytes, labels: Mapping[str, str]) -> bool:
        full, ours = self._path(identity), {_LABEL + name: said for name, said in labels.items()}
        made = self._manager.create(self._project, identity, labels=ours, kms_key=self._kms_key)
        if not made and not self._manager.label(full, ours):
            return False
        version = self._manager.add(full, value)
        if version is None:
            return False
        self._manager.destroy_others(full, version)
        return True

    def read(self, identity: str) -> bytes | None:
        return self._manager.value(self._path(identity))

    def has(self, identity: str) -> bool:
        return self._manager.has_value(self._path(identity))

    def delete(self, identity: str) -> bool:
        """Immediately: Secret Manager keeps nothing of it."""
        return self._manager.delete(self._path(identity))

    def found(self, lead: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        for found in self._manager.secrets(self._project, lead):
            ours = {name.removeprefix(_LABEL): said for name, said in found.labels.items() if name.startswith(_LABEL)}
            yield found.name.rpartition("/")[2], ours

    def _path(self, identity: str) -> str:
        return f"projects/{self._project}/secrets/{identity}"


def _encoded(name: str) -> str:
    return name.replace("_", "__").replace(".", "_d")
