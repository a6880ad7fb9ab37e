"""Key Vault's calls, as the deployment's key and users' secrets need them.

https://learn.microsoft.com/rest/api/keyvault/secrets. Names have 1 to 127 letters, digits and dashes, without regard to
case. A deleted secret stays recoverable for the vault's retention, and its name cannot be used meanwhile.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from boatyard_azure.faults import NeededAzureRole, explained, refusal_of
from boatyard_azure.rest import AzureCall, AzureRest
from boatyard_serverless.rest import Reply, segment

_VERSION: Final = "7.4"
_PAGE: Final = 25
_READS: Final = "getSecret/action"
_GONE: Final = frozenset({"SecretDisabled"})
DELETED: Final = "ObjectIsDeletedButRecoverable"
MOVING: Final = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})


class VaultAttributes(msgspec.Struct, frozen=True):
    enabled: bool = False
    created: int = 0
    """Seconds since 1970."""


class VaultSecret(msgspec.Struct, frozen=True):
    id: str = ""
    """Its address, and that of a version with the version behind it."""
    value: str | None = None
    attributes: VaultAttributes = VaultAttributes()
    tags: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return self._part(0)

    @property
    def version(self) -> str:
        return self._part(1)

    def _part(self, number: int) -> str:
        parts = urlsplit(self.id).path.removeprefix("/secrets/").split("/")
        return parts[number] if number < len(parts) else ""


class _Page(msgspec.Struct, frozen=True):
    value: tuple[VaultSecret, ...] | None = None
    next: str | None = msgspec.field(name="nextLink", default=None)


class KeyVault:
    """Each method raises DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""

    def __init__(self, rest: AzureRest, vault: str) -> None:
        """`vault` is its name or its address."""
        self._rest = rest
        self.address = rest.endpoints.vault(vault)

    def get(self, name: str, version: str = "") -> VaultSecret | None:
        """With its value; None if there is none, with an empty value if it is disabled."""
        path = f"{segment(name)}/{segment(version)}" if version else segment(name)
        call = self._call("GET", f"secrets/{path}", _READS, name, answers=frozenset({403, 404}))
        reply = self._rest.send(call)
        if reply.status == 404:
            return None
        if reply.status == 403:
            if self._word(reply) not in _GONE:
                raise self._refused(call, reply)
            return VaultSecret()
        return self._rest.decode(call, reply, VaultSecret)

    def set(self, name: str, value: str, tags: Mapping[str, str]) -> VaultSecret | str:
        """The new version; Azure's word if the name is taken by a deleted secret: DELETED or one of MOVING."""
        document = {"value": value, "contentType": "application/base64", "tags": dict(tags)}
        call = self._call(
            "PUT", f"secrets/{segment(name)}", "setSecret/action", name, json=document, answers=frozenset({409})
        )
        reply = self._rest.send(call)
        if reply.status != 409:
            return self._rest.decode(call, reply, VaultSecret)
        word = self._word(reply)
        if word != DELETED and word not in MOVING:
            raise self._refused(call, reply)
        return word

    def versions(self, name: str) -> Iterator[VaultSecret]:
        """Without their values; in no order."""
        yield from self._pages(f"secrets/{segment(name)}/versions", name)

    def secrets(self) -> Iterator[VaultSecret]:
        """All of the vault's, without their values: it has no filter."""
        yield from self._pages("secrets", "")

    def disable(self, name: str, version: str) -> None:
        """Nobody reads the version any more; Key Vault destroys none."""
        call = self._call(
            "PATCH",
            f"secrets/{segment(name)}/{segment(version)}",
            "update/action",
            name,
            json={"attributes": {"enabled": False}},
            answers=frozenset({404}),
        )
        self._rest.send(call)

    def delete(self, name: str) -> bool:
        """False if there is no such secret."""
        call = self._call("DELETE", f"secrets/{segment(name)}", "delete", name, answers=frozenset({404, 409}))
        reply = self._rest.send(call)
        if reply.status == 409 and self._word(reply) not in MOVING:
            raise self._refused(call, reply)
        return reply.status not in (404, 409) or reply.uncertain

    def recover(self, name: str) -> None:
        """Begins to; until it is done, `set` answers with one of MOVING or DELETED."""
        path = f"deletedsecrets/{segment(name)}/recover"
        call = self._call("POST", path, "recover/action", name, answers=frozenset({404, 409}))
        reply = self._rest.send(call)
        if reply.status == 409 and self._word(reply) not in MOVING:
            raise self._refused(call, reply)

    def _pages(self, path: str, name: str) -> Iterator[VaultSecret]:
        query: dict[str, str | int] = {"api-version": _VERSION, "maxresults": _PAGE}
        while True:
            call = self._call("GET", path, "readMetadata/action", name, query=query, answers=frozenset({404}))
            reply = self._rest.send(call)
            if reply.status == 404:
                return
            found = self._rest.decode(call, reply, _Page)
            yield from found.value or ()
            if not found.next:
                return
            # Only its query is taken: a token is sent to no address that an answer names.
            query = dict(parse_qsl(urlsplit(found.next).query))

    def _word(self, reply: Reply) -> str:
        return refusal_of(reply.status, reply.headers, reply.body).word

    def _refused(self, call: AzureCall, reply: Reply) -> Exception:
        assignee = self._rest.identity.assignee()
        return explained(refusal_of(reply.status, reply.headers, reply.body), call.need, call.codes, assignee=assignee)

    def _call(
        self,
        method: str,
        path: str,
        verb: str,
        name: str,
        *,
        query: Mapping[str, str | int] | None = None,
        json: Any = None,
        answers: frozenset[int] = frozenset(),
    ) -> AzureCall:
        vault = (urlsplit(self.address).hostname or "").partition(".")[0]
        return AzureCall(
            method=method,
            address=f"{self.address}/{path}",
            audience="vault",
            query=query or {"api-version": _VERSION},
            json=json,
            answers=answers,
            need=NeededAzureRole(
                permission=f"Microsoft.KeyVault/vaults/secrets/{verb}",
                resource=f"key vault {vault}" + (f", secret {name}" if name else ""),
                role="Key Vault Secrets User" if verb == _READS else "Key Vault Secrets Officer",
                scope=f"$(az keyvault show --name {vault} --query id --output tsv)",
            ),
        )
