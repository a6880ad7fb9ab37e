"""Inside the job: the values of a build's secrets as files. The function's service account cannot do this."""

from collections.abc import Iterable
from pathlib import Path

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Scope
from boatyard_gcp.rest import Rest
from boatyard_gcp.secret_manager import SecretManager
from boatyard_gcp.secrets import secret_id, secret_path


def write_secrets(rest: Rest, project: str, prefix: str, scope: Scope, names: Iterable[str], folder: Path) -> None:
    """Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""
    manager = SecretManager(rest)
    folder.mkdir(mode=0o700)
    for name in dict.fromkeys(names):
        path = folder / name
        value = manager.value(secret_path(project, secret_id(prefix, scope, name)))
        if value is None:
            raise BoatyardError(Code.SECRET_NOT_FOUND, f"there is no secret {name}", missing=(name,))
        path.touch(mode=0o600)
        path.write_bytes(value)
