"""Implements the SecretStore port with Secrets Manager. The function writes values and never reads them.

Its role needs secretsmanager:CreateSecret, PutSecretValue, TagResource, DescribeSecret, RestoreSecret and DeleteSecret
below the prefix, and ListSecrets, which IAM grants for all secrets or none and which shows no value. Only the job's
role has GetSecretValue.

A secret's name is `<prefix>/<project>/<domain>/<name>`, so a policy on `<prefix>/<project>/*` covers a project. Secrets
Manager allows letters, digits and `/_+=.@-`
(https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html), which include every valid name
of a Boatyard secret.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from boatyard.errors import BoatyardError, Code
from boatyard.policy import check_scope
from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.validate import secret_name
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import TagTypeDef

_TRIES: Final = 3
_ABSENT: Final = "ResourceNotFoundException"
_CHANGED_SINCE: Final = frozenset({_ABSENT, "ResourceExistsException", "InvalidRequestException"})
"""Another caller has created or deleted the secret since it was described."""
_KIND: Final = "boatyard:kind"


class SecretsManagerStore:
    """Implements `boatyard.ports.SecretStore`."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        identity = secret_id(self._prefix, scope, name)
        client = self._clients.secrets()
        for _ in range(_TRIES):
            found = self._describe(identity)
            with AwsCall("secretsmanager:PutSecretValue", f"secret:{identity}", expected=_CHANGED_SINCE):
                if found is None:
                    client.create_secret(Name=identity, SecretBinary=secret.value, Tags=_tags(scope, secret))
                    return
                if _is_deleted(found):
                    client.restore_secret(SecretId=identity)
                client.put_secret_value(SecretId=identity, SecretBinary=secret.value)
                client.tag_resource(SecretId=identity, Tags=_tags(scope, secret))
                return
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"Secrets Manager did not take {name}; ask again")

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        prefix = secret_prefix(self._prefix, scope)
        known: list[KnownSecret] = []
        with AwsCall("secretsmanager:ListSecrets", f"secret:{prefix}*"):
            pages = self._clients.secrets().get_paginator("list_secrets")
            for page in pages.paginate(Filters=[{"Key": "name", "Values": [prefix]}]):
                for found in page["SecretList"]:
                    name = found["Name"].removeprefix(prefix)
                    # Checked again here: which secrets a scope may see does not depend on the service's filter.
                    if found["Name"].startswith(prefix) and "/" not in name and not _is_deleted(found):
                        known.append(KnownSecret(name=name, kind=_kind(found.get("Tags", []))))
        return tuple(sorted(known, key=lambda secret: secret.name))

    def delete(self, scope: Scope, name: str) -> bool:
        """Secrets Manager keeps the secret for 30 days, and `put` restores it."""
        identity = secret_id(self._prefix, scope, name)
        if not self._is_there(identity):
            return False
        with AwsCall("secretsmanager:DeleteSecret", f"secret:{identity}"):
            self._clients.secrets().delete_secret(SecretId=identity)
        return True

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = [(name, secret_id(self._prefix, scope, name, field="secret")) for name in names]
        return tuple(name for name, identity in asked if not self._is_there(identity))

    def _is_there(self, identity: str) -> bool:
        found = self._describe(identity)
        return found is not None and not _is_deleted(found)

    def _describe(self, identity: str) -> Mapping[str, Any] | None:
        with AwsCall("secretsmanager:DescribeSecret", f"secret:{identity}", expected={_ABSENT}):
            found: Mapping[str, Any] = self._clients.secrets().describe_secret(SecretId=identity)
            return found
        return None


def _tags(scope: Scope, secret: SecretValue) -> "list[TagTypeDef]":
    return [
        {"Key": _KIND, "Value": secret.kind},
        {"Key": "boatyard:project", "Value": scope.project},
        {"Key": "boatyard:domain", "Value": scope.domain},
    ]


def _is_deleted(found: Mapping[str, Any]) -> bool:
    """Whether the secret is scheduled for deletion: Secrets Manager refuses its value until it is restored."""
    return found.get("DeletedDate") is not None


def _kind(tags: "Iterable[TagTypeDef]") -> str:
    kinds = [tag.get("Value", "") for tag in tags if tag.get("Key") == _KIND]
    return "image_pull" if kinds == ["image_pull"] else "build"


def secret_id(prefix: str, scope: Scope, name: str, *, field: str = "name") -> str:
    """The name in Secrets Manager. Raises INVALID_SPEC for a name that could be another secret's path."""
    return secret_prefix(prefix, scope) + secret_name(name, field=field)


def secret_prefix(prefix: str, scope: Scope) -> str:
    """The prefix of the names of a scope's secrets."""
    check_scope(scope)
    return f"{prefix}/{scope.project}/{scope.domain}/"
