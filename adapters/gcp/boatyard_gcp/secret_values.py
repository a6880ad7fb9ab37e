"""Inside the job: the values of a build's secrets. The function's service account cannot read them."""

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Scope
from boatyard_gcp.rest import Rest
from boatyard_gcp.secret_manager import SecretManager
from boatyard_gcp.secrets import secret_id, secret_path


def read_secret(rest: Rest, project: str, prefix: str, scope: Scope, name: str) -> bytes:
    """Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""
    value = SecretManager(rest).value(secret_path(project, secret_id(prefix, scope, name)))
    if value is None:
        raise BoatyardError(Code.SECRET_NOT_FOUND, f"there is no secret {name}", missing=(name,))
    return value
