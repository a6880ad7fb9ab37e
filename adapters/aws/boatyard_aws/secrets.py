"""Secrets Manager as the service for users' secrets (`boatyard_serverless.secrets`).

The function's role needs secretsmanager:CreateSecret, PutSecretValue, TagResource, DescribeSecret, RestoreSecret and
DeleteSecret below the prefix, and ListSecrets, which IAM grants for all secrets or none and which shows no value. Only
the job's role has GetSecretValue.

A secret's name is `<prefix>/<project>/<domain>/<name>`, so a policy on `<prefix>/<project>/*` covers a project. Secrets
Manager allows letters, digits and `/_+=.@-`
(https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html), which include every valid name
of a Boatyard secret.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import TagTypeDef

_ABSENT: Final = "ResourceNotFoundException"
_CHANGED_SINCE: Final = frozenset({_ABSENT, "ResourceExistsException", "InvalidRequestException"})
"""Another caller has created or deleted the secret since it was described."""
_TAG: Final = "boatyard:"


class SecretsManager:
    """Implements `boatyard_serverless.secrets.SecretService`."""

    title = "Secrets Manager"
    separator = "/"

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def encode(self, name: str, *, lead: str) -> str:
        return name

    def decode(self, text: str) -> str | None:
        return text if text and "/" not in text else None

    def write(self, identity: str, value: bytes, labels: Mapping[str, str]) -> bool:
        client = self._clients.secrets()
        tags: list[TagTypeDef] = [{"Key": _TAG + name, "Value": said} for name, said in labels.items()]
        found = self._describe(identity)
        with AwsCall("secretsmanager:PutSecretValue", f"secret:{identity}", expected=_CHANGED_SINCE):
            if found is None:
                client.create_secret(Name=identity, SecretBinary=value, Tags=tags)
                return True
            if _is_deleted(found):
                client.restore_secret(SecretId=identity)
            client.put_secret_value(SecretId=identity, SecretBinary=value)
            client.tag_resource(SecretId=identity, Tags=tags)
            return True
        return False

    def read(self, identity: str) -> bytes | None:
        with AwsCall("secretsmanager:GetSecretValue", f"secret:{identity}", expected={_ABSENT}):
            answer = self._clients.secrets().get_secret_value(SecretId=identity)
            return bytes(answer["SecretBinary"]) if "SecretBinary" in answer else answer["SecretString"].encode()
        return None

    def has(self, identity: str) -> bool:
        found = self._describe(identity)
        return found is not None and not _is_deleted(found)

    def delete(self, identity: str) -> bool:
        """Secrets Manager keeps the secret for 30 days, and `write` restores it."""
        if not self.has(identity):
            return False
        with AwsCall("secretsmanager:DeleteSecret", f"secret:{identity}"):
            self._clients.secrets().delete_secret(SecretId=identity)
        return True

    def found(self, lead: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        with AwsCall("secretsmanager:ListSecrets", f"secret:{lead}*"):
            pages = self._clients.secrets().get_paginator("list_secrets")
            for page in pages.paginate(Filters=[{"Key": "name", "Values": [lead]}]):
                for found in page["SecretList"]:
                    if not _is_deleted(found):
                        tags = {each.get("Key", ""): each.get("Value", "") for each in found.get("Tags", [])}
                        ours = {name.removeprefix(_TAG): tags[name] for name in tags if name.startswith(_TAG)}
                        yield found["Name"], ours

    def _describe(self, identity: str) -> Mapping[str, Any] | None:
        with AwsCall("secretsmanager:DescribeSecret", f"secret:{identity}", expected={_ABSENT}):
            found: Mapping[str, Any] = self._clients.secrets().describe_secret(SecretId=identity)
            return found
        return None


def _is_deleted(found: Mapping[str, Any]) -> bool:
    """True while deletion is scheduled: Secrets Manager returns no value until the secret is restored."""
    return found.get("DeletedDate") is not None
