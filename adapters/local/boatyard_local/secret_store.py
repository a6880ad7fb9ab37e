"""Secrets as files that only their owner can read. The job reads them; the server never does."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import invalid
from boatyard.policy import check_scope
from boatyard.ports import Scope, SecretValue
from boatyard.validate import secret_name
from boatyard_local import durable


class FileSecretStore:
    """`<folder>/<project>/<domain>/<name>` holds the value and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        path = self._path(scope, name, field="name")
        if secret.kind == "image_pull":
            _check_docker_config(secret.value)
        durable.make_folder(self._folder)
        durable.make_folder(self._folder / scope.project)
        durable.make_folder(path.parent)
        durable.write(path, secret.value)

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if not self._path(scope, name, field="secret").is_file())

    def _path(self, scope: Scope, name: str, *, field: str) -> Path:
        check_scope(scope)
        return self._folder / scope.project / scope.domain / secret_name(name, field=field)


class _DockerConfig(msgspec.Struct):
    auths: dict[str, msgspec.Raw] = {}


def _check_docker_config(value: bytes) -> None:
    """Refused while its author is there to mend it. The refusal quotes nothing: it would be the secret."""
    try:
        config = decode_json(value, _DockerConfig)
    except Undecodable:
        config = _DockerConfig()
    if not config.auths:
        raise invalid('an image_pull secret is a Docker config.json with "auths"', field="value")
