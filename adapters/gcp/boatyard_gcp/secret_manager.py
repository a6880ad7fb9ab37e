"""Calls Secret Manager for the deployment's key and users' secrets.

https://cloud.google.com/secret-manager/docs/reference/rest. A secret's name is `projects/<project>/secrets/<id>`; the
id has letters, digits, - and _, at most 255.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_gcp.faults import NeededRole, refusal_of
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.rest import Reply, segment

NOT_FOUND: Final = 404
CONFLICT: Final = 409
_REFUSED: Final = 400


class StoredSecret(msgspec.Struct, frozen=True):
    name: str = ""
    labels: Mapping[str, str] = {}


class SecretVersion(msgspec.Struct, frozen=True):
    name: str = ""
    state: str = ""


class _Payload(msgspec.Struct, frozen=True):
    data: str = ""


class _Accessed(msgspec.Struct, frozen=True):
    payload: _Payload = _Payload()


class _Secrets(msgspec.Struct, frozen=True):
    secrets: tuple[StoredSecret, ...] = ()
    next_page_token: str = msgspec.field(name="nextPageToken", default="")


class _Versions(msgspec.Struct, frozen=True):
    versions: tuple[SecretVersion, ...] = ()
    next_page_token: str = msgspec.field(name="nextPageToken", default="")


class SecretManager:
    """Each method raises DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""

    def __init__(self, rest: GoogleRest) -> None:
        self._rest = rest

    def value(self, secret: str, version: str = "latest", *, gone: bytes | None = None) -> bytes | None:
        """None if there is no such version; `gone` if it is disabled or destroyed."""
        call = self._version(secret, f"{segment(version)}:access", "access", "secretAccessor")
        reply = self._rest.send(call)
        if reply.status == NOT_FOUND:
            return None
        if self._is_gone(call, reply):
            return gone
        try:
            return b64decode(self._rest.decode(call, reply, _Accessed).payload.data, validate=True)
        except ValueError:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{secret}: its value cannot be read") from None

    def has_value(self, secret: str) -> bool:
        """Whether the newest version has a readable value, which is not requested."""
        call = self._version(secret, "latest", "get", "viewer")
        reply = self._rest.send(call)
        return reply.status != NOT_FOUND and self._rest.decode(call, reply, SecretVersion).state == "ENABLED"

    def add(self, secret: str, value: bytes) -> str | None:
        """The name of the new version; None if there is no such secret."""
        call = self._call(
            "POST",
            f"/v1/{_path(secret)}:addVersion",
            self._need("versions.add", secret, "secretVersionManager"),
            json={"payload": {"data": b64encode(value).decode()}},
            answers=frozenset({NOT_FOUND}),
        )
        reply = self._rest.send(call)
        return None if reply.status == NOT_FOUND else self._rest.decode(call, reply, SecretVersion).name

    def create(self, project: str, identity: str, *, labels: Mapping[str, str], kms_key: str = "") -> bool:
        """False if it exists already. `kms_key` encrypts its values, in the key's own region."""
        call = self._call(
            "POST",
            f"/v1/projects/{segment(project)}/secrets",
            self._need("secrets.create", f"projects/{project}", "admin"),
            query={"secretId": identity},
            json={"replication": _replication(kms_key), "labels": dict(labels)},
            answers=frozenset({CONFLICT}),
        )
        return self._rest.send(call).status != CONFLICT

    def label(self, secret: str, labels: Mapping[str, str]) -> bool:
        """False if there is no such secret."""
        call = self._call(
            "PATCH",
            f"/v1/{_path(secret)}",
            self._need("secrets.update", secret, "admin"),
            query={"updateMask": "labels"},
            json={"labels": dict(labels)},
            answers=frozenset({NOT_FOUND}),
        )
        return self._rest.send(call).status != NOT_FOUND

    def delete(self, secret: str) -> bool:
        """Deletes the secret with all its versions, immediately and permanently. False if there is no such secret."""
        call = self._call(
            "DELETE",
            f"/v1/{_path(secret)}",
            self._need("secrets.delete", secret, "admin"),
            answers=frozenset({NOT_FOUND}),
        )
        reply = self._rest.send(call)
        return reply.status != NOT_FOUND or reply.uncertain

    def secrets(self, project: str, prefix: str) -> Iterator[StoredSecret]:
        """Secrets whose id contains the prefix at any place: the API's filter matches words."""
        query = {"filter": f"name:{prefix}", "pageSize": "250"}
        while True:
            path = f"/v1/projects/{segment(project)}/secrets"
            need = self._need("secrets.list", f"projects/{project}", "viewer")
            found = self._rest.read(self._call("GET", path, need, query=query), _Secrets)
            yield from found.secrets
            if not found.next_page_token:
                return
            query = {**query, "pageToken": found.next_page_token}

    def destroy_others(self, secret: str, kept: str) -> None:
        """Destroys the values of all versions before `kept`, so that they cannot be read any more."""
        query = {"filter": "state:ENABLED", "pageSize": "250"}
        need = self._need("versions.list", secret, "secretVersionManager")
        call = self._call("GET", f"/v1/{_path(secret)}/versions", need, query=query, answers=frozenset({NOT_FOUND}))
        reply = self._rest.send(call)
        if reply.status == NOT_FOUND:
            return
        newest = _number(kept)
        for version in self._rest.decode(call, reply, _Versions).versions:
            number = _number(version.name)
            if 0 < number < newest:
                need = self._need("versions.destroy", secret, "secretVersionManager")
                path = f"/v1/{_path(secret)}/versions/{number}:destroy"
                gone = frozenset({NOT_FOUND, _REFUSED})  # another caller destroyed it
                self._rest.send(self._call("POST", path, need, json={}, answers=gone))

    def _version(self, secret: str, rest: str, verb: str, role: str) -> GoogleCall:
        return self._call(
            "GET",
            f"/v1/{_path(secret)}/versions/{rest}",
            self._need(f"versions.{verb}", secret, role),
            answers=frozenset({NOT_FOUND, _REFUSED} if verb == "access" else {NOT_FOUND}),
        )

    def _is_gone(self, call: GoogleCall, reply: Reply) -> bool:
        """FAILED_PRECONDITION: the version is disabled or destroyed."""
        if reply.status != _REFUSED:
            return False
        if refusal_of(reply.status, reply.body).word == "FAILED_PRECONDITION":
            return True
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"Secret Manager answers {call.need.resource} with 400")

    def _need(self, verb: str, secret: str, role: str) -> NeededRole:
        is_project = "/secrets/" not in secret
        name = secret.removeprefix("projects/") if is_project else secret
        command = "gcloud projects" if is_project else "gcloud secrets"
        return NeededRole(
            permission=f"secretmanager.{verb}",
            resource=f"project {name}" if is_project else f"secret {secret}",
            role=f"roles/secretmanager.{role}",
            grant=f"{command} add-iam-policy-binding {name}",
        )

    def _call(
        self,
        method: str,
        path: str,
        need: NeededRole,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        answers: frozenset[int] = frozenset(),
    ) -> GoogleCall:
        return GoogleCall(
            api="secretmanager", method=method, path=path, need=need, query=query or {}, json=json, answers=answers
        )


def _replication(kms_key: str) -> dict[str, Any]:
    """Automatic replication would need a key that is in no region."""
    if not kms_key:
        return {"automatic": {}}
    replica = {"location": kms_key.split("/")[3], "customerManagedEncryption": {"kmsKeyName": kms_key}}
    return {"userManaged": {"replicas": [replica]}}


def _path(secret: str) -> str:
    return "/".join(segment(part) for part in secret.split("/"))


def _number(version: str) -> int:
    number = version.rpartition("/")[2]
    return int(number) if number.isascii() and number.isdigit() else 0
