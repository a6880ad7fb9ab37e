"""ACR's refresh tokens: what this identity's Entra token is exchanged for, once for each registry.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. A refresh token lasts three hours. `boatyard_registry` and
Docker exchange it for an access token of one repository (POST /oauth2/token), which lasts an hour.
"""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import msgspec

from boatyard.errors import BoatyardError
from boatyard_azure.faults import refusal_of
from boatyard_azure.identity import AzureIdentity
from boatyard_registry.jwt import ends_at
from boatyard_registry.kept import Kept
from boatyard_registry.transport import Answer, Transport
from boatyard_serverless.faults import DATAPLANE, REGISTRY, Fault
from boatyard_serverless.rest import Refused, RestCall, RestClient, is_token

_SECONDS: Final = 8.0
_ATTEMPT_SECONDS: Final = 5.0
_SPARE_SECONDS: Final = 300.0
_LONGEST_SECONDS: Final = 3 * 3600.0
_MOST_REGISTRIES: Final = 256
_LARGEST: Final = 64 * 1024


class _Exchanged(msgspec.Struct, frozen=True):
    refresh_token: str = ""


class _Exchange(RestCall, frozen=True, kw_only=True):
    host: str


class _Client(RestClient[_Exchange]):
    def url(self, call: _Exchange) -> str:
        return f"https://{call.host}/oauth2/exchange"

    def token(self, call: _Exchange, refused: str) -> str:
        return ""

    def refused(self, call: _Exchange, answer: Answer) -> Refused:
        fault = refusal_of(answer.status, answer.headers, answer.body).fault
        if answer.status in (400, 401, 403):
            why = "a role is missing, its network rules do not let this network in, or it belongs to another tenant"
            detail = f"the registry {call.host} gives this identity no token ({answer.status}): {why}"
            return Refused(Fault.DENIED, BoatyardError(REGISTRY.denied, detail))
        detail = f"the registry {call.host} gives no token now: it answered {answer.status}"
        return Refused(fault, BoatyardError(REGISTRY.unavailable, detail))

    def unreachable(self, call: _Exchange, reason: str) -> BoatyardError:
        return BoatyardError(REGISTRY.unavailable, f"the registry {call.host} gives no token: {reason}")


class RefreshTokens:
    """Thread-safe. `resource` is what the Entra token is for (`AzureEndpoints.resource`)."""

    def __init__(
        self,
        identity: AzureIdentity,
        resource: str,
        transport: Transport | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._identity = identity
        self._resource = resource
        self._client = _Client(transport, attempts=3, seconds=_SECONDS, attempt_seconds=_ATTEMPT_SECONDS, sleep=sleep)
        self._kept: Kept[str, str] = Kept(_MOST_REGISTRIES)

    def of(self, host: str) -> str:
        """Raises REGISTRY_DENIED without credentials or a role, REGISTRY_UNAVAILABLE if none can be obtained now."""
        if kept := self._kept.get(host):
            return kept
        form = {"grant_type": "access_token", "service": host, "access_token": self._entra_token()}
        call = _Exchange(
            method="POST",
            host=host,
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            limit=_LARGEST,
            codes=REGISTRY,
        )
        found = self._client.read(call, _Exchanged).refresh_token
        if not is_token(found):
            raise BoatyardError(REGISTRY.unavailable, f"the registry {host} answered without a token")
        seconds = min(ends_at(found) - time.time() - _SPARE_SECONDS, _LONGEST_SECONDS)
        if seconds > 0:
            self._kept.put(host, found, seconds=seconds)
        return found

    def _entra_token(self) -> str:
        try:
            return self._identity.token(self._resource)
        except BoatyardError as error:
            denied = error.code == DATAPLANE.denied
            raise BoatyardError(REGISTRY.denied if denied else REGISTRY.unavailable, error.detail) from None
