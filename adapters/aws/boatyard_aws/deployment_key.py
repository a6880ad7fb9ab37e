"""Stores the deployment's key in a secret of Secrets Manager.

The function's role needs secretsmanager:GetSecretValue and PutSecretValue on that one secret.
"""

from typing import Final

from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall

_FIRST_VERSION: Final = "boatyard-deployment-key-version-1"
"""A version is written once: all functions use this token, so Secrets Manager accepts the value of one and refuses the
others' (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html, ClientRequestToken)."""
_ABSENT: Final = "ResourceNotFoundException"
_SOMEBODY_WAS_QUICKER: Final = "ResourceExistsException"


class SecretsManagerKey:
    """Implements `boatyard_serverless.deployment_key.KeySecret`."""

    def __init__(self, clients: Clients, name: str) -> None:
        """`name` is the secret's name or ARN."""
        self._clients = clients
        self.name = name

    @property
    def place(self) -> str:
        return f"the secret {self.name} (SecretBinary)"

    def read(self) -> bytes | None:
        with self._call("secretsmanager:GetSecretValue", _ABSENT):
            answer = self._clients.secrets().get_secret_value(SecretId=self.name)
            return bytes(answer.get("SecretBinary", b""))
        return None

    def write_first(self, value: bytes) -> bool:
        with self._call("secretsmanager:PutSecretValue", _ABSENT, _SOMEBODY_WAS_QUICKER) as call:
            self._clients.secrets().put_secret_value(
                SecretId=self.name, SecretBinary=value, ClientRequestToken=_FIRST_VERSION
            )
        return call.met != _ABSENT

    def _call(self, action: str, *expected: str) -> AwsCall:
        return AwsCall(action, f"secret:{self.name}", expected=expected)
