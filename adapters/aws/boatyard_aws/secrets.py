"""The SecretStore port on Secrets Manager. The function writes values and never reads one back.

Its role needs secretsmanager:CreateSecret, PutSecretValue, DescribeSecret and RestoreSecret below the prefix;
GetSecretValue is the job's.
"""

from collections.abc import Iterable
from typing import Final

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, invalid
from boatyard.ports import Scope, SecretValue
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained
from boatyard_aws.secret_names import secret_id

_CODES: Final = {"unavailable": "DATAPLANE_UNAVAILABLE", "denied": "DATAPLANE_DENIED"}


class SecretsManagerStore:
    """Implements `boatyard.ports.SecretStore`."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        from botocore.exceptions import ClientError

        identity = secret_id(self._prefix, scope, name)
        if secret.kind == "image_pull":
            _check_docker_config(secret.value)
        client = self._clients.secrets()
        with explained("secretsmanager:PutSecretValue", f"secret:{identity}", **_CODES):
            for _ in range(2):
                try:
                    client.put_secret_value(SecretId=identity, SecretBinary=secret.value)
                    return
                except ClientError as error:
                    if code_of(error) == "InvalidRequestException":  # it was deleted and waits to be gone
                        client.restore_secret(SecretId=identity)
                        continue
                    if code_of(error) != "ResourceNotFoundException":
                        raise
                try:
                    client.create_secret(
                        Name=identity,
                        SecretBinary=secret.value,
                        Tags=[
                            {"Key": "boatyard:kind", "Value": secret.kind},
                            {"Key": "boatyard:project", "Value": scope.project},
                            {"Key": "boatyard:domain", "Value": scope.domain},
                        ],
                    )
                    return
                except ClientError as error:
                    if code_of(error) != "ResourceExistsException":  # somebody else was quicker: put over it
                        raise
        raise BoatyardError("DATAPLANE_UNAVAILABLE", f"Secrets Manager did not take {name}; ask again")

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = [(name, secret_id(self._prefix, scope, name, field="secret")) for name in names]
        return tuple(name for name, identity in asked if not self._is_there(identity))

    def _is_there(self, identity: str) -> bool:
        from botocore.exceptions import ClientError

        with explained("secretsmanager:DescribeSecret", f"secret:{identity}", **_CODES):
            try:
                found = self._clients.secrets().describe_secret(SecretId=identity)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return False
                raise
        return "DeletedDate" not in found


def _check_docker_config(value: bytes) -> None:
    """Refused while its author is there to mend it. The refusal quotes nothing: it would be the secret."""
    import msgspec

    try:
        auths = decode_json(value, dict[str, msgspec.Raw]).get("auths")
        if auths is not None and decode_json(bytes(auths), dict[str, dict[str, str]]):
            return
    except Undecodable:
        pass
    raise invalid('an image_pull secret is a Docker config.json with "auths"', field="value")
