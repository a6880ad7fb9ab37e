"""What an error of Azure's services means to us, and who acts next.

Storage gives its code in a header (https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2).
Resource Manager, Key Vault and ACR Tasks give it in `error.code`, Key Vault with a second one in
`error.innererror.code`, Entra ID in `error` (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard_serverless.faults import Codes, Fault

_RETRY_AFTER_SECONDS: Final = 10
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,80}\Z")
_THROTTLED: Final = frozenset({"ServerBusy", "TooManyRequests", "SubscriptionRequestsThrottled"})
_EXPIRED: Final = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "ExpiredAuthenticationToken"})
_UNREGISTERED: Final = "MissingSubscriptionRegistration"
_NETWORK: Final = "its firewall does not let this network in: add the network, or a private endpoint"
_WHY: Final[Mapping[str, str]] = {
    "AccountIsDisabled": "the storage account is disabled",
    "AuthorizationFailure": _NETWORK,
    "AuthorizationProtocolMismatch": "the storage account takes other protocols only",
    "ForbiddenByConnection": _NETWORK,
    "ForbiddenByFirewall": _NETWORK,
    "ReadOnlyDisabledSubscription": "the subscription is disabled",
    "RequestDisallowedByPolicy": "an Azure Policy forbids it",
}


class NeededAzureRole(msgspec.Struct, frozen=True, kw_only=True):
    """What a call takes, in the words with which it is granted."""

    permission: str
    """The action of Azure RBAC, such as `Microsoft.KeyVault/vaults/secrets/getSecret/action`."""
    resource: str
    """As people name it: `container boatyard`."""
    role: str = ""
    scope: str = ""
    """The resource's id, or the shell's `$(az … --query id -o tsv)` that finds it."""

    def advice(self, assignee: str = "") -> str:
        """`assignee` is the client id of the identity that lacks the role, if it is known."""
        if not self.role:
            return "grant it"
        if not self.scope:
            return f"grant the role {self.role} on it"
        command = f"az role assignment create --assignee {assignee or 'CLIENT_ID'}"
        return f'grant the role on it: {command} --role "{self.role}" --scope {self.scope}'


def id_of_account(account: str) -> str:
    """Of a storage account, as a scope."""
    return f"$(az storage account show --name {account} --query id --output tsv)"


class _Inner(msgspec.Struct, frozen=True):
    code: str | None = None


class _Details(msgspec.Struct, frozen=True):
    code: str | None = None
    innererror: _Inner | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Details | str = _Details()
    error_codes: tuple[int, ...] = ()
    """Numbers of Entra ID; people search for AADSTS and the number."""


class AzureError(msgspec.Struct, frozen=True):
    """An answer that is an error."""

    status: int
    word: str = ""
    """Azure's own code, such as BlobNotFound; empty for what another server sent."""

    @property
    def fault(self) -> Fault:
        if self.status == 429 or self.word in _THROTTLED:
            return Fault.THROTTLED
        if self.status == 401 or (self.status == 403 and self.word in _EXPIRED):
            return Fault.EXPIRED
        if self.status == 403 or self.word == _UNREGISTERED:
            return Fault.DENIED
        return Fault.OTHER


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> AzureError:
    """`headers` have names in lower case."""
    if code := _word(headers.get("x-ms-error-code", "")):
        return AzureError(status, code)
    try:
        found = decode_json(body, _Body)
    except Undecodable:
        return AzureError(status)
    if isinstance(found.error, str):
        return AzureError(status, f"AADSTS{found.error_codes[0]}" if found.error_codes else _word(found.error))
    inner = found.error.innererror
    return AzureError(status, _word((inner.code if inner else None) or found.error.code or ""))


def explained(refusal: AzureError, need: NeededAzureRole, codes: Codes, *, assignee: str = "") -> BoatyardError:
    """`assignee`: see `NeededAzureRole.advice`."""
    said = f"{refusal.status} {refusal.word}".strip()
    match refusal.fault:
        case Fault.DENIED if refusal.word == _UNREGISTERED:
            namespace = need.permission.partition("/")[0]
            return BoatyardError(
                codes.denied,
                f"{namespace} is not registered in the subscription: az provider register --namespace {namespace}",
            )
        case Fault.DENIED:
            advice = _WHY.get(refusal.word) or need.advice(assignee)
            return BoatyardError(codes.denied, f"Azure refuses {need.permission} on {need.resource} ({said}): {advice}")
        case Fault.EXPIRED:
            return BoatyardError(
                codes.unavailable, f"Azure does not take the access token for {need.permission} ({said})"
            )
        case Fault.THROTTLED:
            return BoatyardError(
                codes.unavailable,
                f"Azure throttles {need.permission} on {need.resource} ({said}); it was tried more than once",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
    return BoatyardError(codes.unavailable, f"Azure answers {need.permission} on {need.resource} with {said}")


def unreachable(need: NeededAzureRole, reason: str, codes: Codes) -> BoatyardError:
    return BoatyardError(codes.unavailable, f"Azure does not answer {need.permission}: {reason}")


def _word(text: Any) -> str:
    """What another program sent is repeated only if it is one of its words."""
    return text if isinstance(text, str) and _WORD.match(text) else ""
