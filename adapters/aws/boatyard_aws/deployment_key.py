"""The deployment's key in Secrets Manager. Terraform makes the secret and no value; the first function that needs
one writes it, so that it is in no state file.

Its role needs secretsmanager:GetSecretValue and PutSecretValue on that one secret. No job's role may read it.
"""

import secrets
import threading
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.realm import KEY_BYTES
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained

_CODES: Final = {"unavailable": Code.DATAPLANE_UNAVAILABLE, "denied": Code.DATAPLANE_DENIED}
_FIRST_VERSION: Final = "boatyard-deployment-key-version-1"
"""A version is written once: with this token for all, Secrets Manager takes the value of one function and refuses
those of the others
(https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html, ClientRequestToken)."""


class SecretsManagerKey:
    """Implements `boatyard.ports.DeploymentKey`. Thread-safe; asks once in the life of a function's instance."""

    def __init__(self, clients: Clients, secret: str) -> None:
        """`secret` is the secret's name or ARN."""
        self._clients = clients
        self._secret = secret
        self._key = b""
        self._lock = threading.Lock()

    def read(self) -> bytes:
        with self._lock:
            if not self._key:
                key = self._current()
                if key is None:
                    self._write_first()
                    key = self._current()
                self._key = self._checked(key)
            return self._key

    def _current(self) -> bytes | None:
        """None if the secret has no value yet, or if there is no secret."""
        from botocore.exceptions import ClientError

        with explained("secretsmanager:GetSecretValue", f"secret:{self._secret}", **_CODES):
            try:
                answer = self._clients.secrets().get_secret_value(SecretId=self._secret)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return None
                raise
        return bytes(answer.get("SecretBinary", b""))

    def _write_first(self) -> None:
        from botocore.exceptions import ClientError

        with explained("secretsmanager:PutSecretValue", f"secret:{self._secret}", **_CODES):
            try:
                self._clients.secrets().put_secret_value(
                    SecretId=self._secret,
                    SecretBinary=secrets.token_bytes(KEY_BYTES),
                    ClientRequestToken=_FIRST_VERSION,
                )
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    raise BoatyardError(
                        Code.DATAPLANE_UNAVAILABLE,
                        f"there is no secret {self._secret} for the deployment's key; terraform apply makes it",
                    ) from None
                if code_of(error) != "ResourceExistsException":  # another function was quicker
                    raise

    def _checked(self, key: bytes | None) -> bytes:
        if key is not None and len(key) == KEY_BYTES:
            return key
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"the secret {self._secret} does not hold {KEY_BYTES} bytes in SecretBinary, as the deployment's key has: "
            "make its former version the current one again. A new value makes every image be built again",
        )
