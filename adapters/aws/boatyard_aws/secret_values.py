"""Inside the job: the values of a build's secrets as files. The function's role cannot do this."""

from collections.abc import Iterable
from pathlib import Path

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Scope
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained
from boatyard_aws.secrets import secret_id


def write_secrets(clients: Clients, prefix: str, scope: Scope, names: Iterable[str], folder: Path) -> None:
    """Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""
    folder.mkdir(mode=0o700)
    for name in dict.fromkeys(names):
        path = folder / name
        value = _value(clients, secret_id(prefix, scope, name), name)
        path.touch(mode=0o600)
        path.write_bytes(value)


def _value(clients: Clients, identity: str, name: str) -> bytes:
    from botocore.exceptions import ClientError

    codes = {"unavailable": Code.DATAPLANE_UNAVAILABLE, "denied": Code.DATAPLANE_DENIED}
    with explained("secretsmanager:GetSecretValue", f"secret:{identity}", **codes):
        try:
            answer = clients.secrets().get_secret_value(SecretId=identity)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            raise BoatyardError(Code.SECRET_NOT_FOUND, f"there is no secret {name}", missing=(name,)) from None
    if "SecretBinary" in answer:
        return bytes(answer["SecretBinary"])
    return answer["SecretString"].encode()
