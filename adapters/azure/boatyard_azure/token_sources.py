"""Access tokens of the identities that Azure gives to a function, a pod and a machine: one request each.

Functions: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference. Machines:
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token. Pods, by the OAuth
client credentials flow with a federated credential:
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_azure.direct import DirectTransport
from boatyard_azure.endpoints import AzureEndpoints
from boatyard_azure.faults import refusal_of
from boatyard_azure.identity import CLIENT_ID, AccessToken, TokenSource
from boatyard_registry.transport import Answer, Transport
from boatyard_serverless.faults import Fault
from boatyard_serverless.rest import Refused, RestCall, RestClient

_SIGN_IN: Final = "install azure-identity and sign in with `az login`"
_ADVICE: Final = f"assign the identity that {CLIENT_ID} names; for a pod, with a federated credential"
_MACHINE: Final = "http://169.254.169.254"
_LARGEST: Final = 64 * 1024
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float | str | None = None
    """Seconds; as text on a machine."""
    expires_on: float | str | None = None
    """Seconds since 1970; as text where it is all there is."""


class _Call(RestCall, frozen=True, kw_only=True):
    address: str
    title: str


class _Client(RestClient[_Call]):
    passing = RestClient.passing | {404, 410}
    """Of the instance metadata service: it is being updated, or the identity was just assigned."""

    def url(self, call: _Call) -> str:
        return call.address

    def token(self, call: _Call, refused: str) -> str:
        return ""

    def refused(self, call: _Call, answer: Answer) -> Refused:
        refusal = refusal_of(answer.status, answer.headers, answer.body)
        said = f"{answer.status} {refusal.word}".strip()
        if answer.status in self.passing or refusal.fault is Fault.THROTTLED or answer.status >= 500:
            return Refused(refusal.fault, _unavailable(f"{call.title} gives no token now ({said})"))
        return Refused(refusal.fault, _denied(f"{call.title} gives no token ({said}): {_ADVICE}"))

    def unreachable(self, call: _Call, reason: str) -> BoatyardError:
        return _unavailable(f"{call.title} does not answer: {reason}")


class _MachineClient(_Client):
    def unreachable(self, call: _Call, reason: str) -> BoatyardError:
        """This machine is none of Azure's."""
        return _denied(f"there are no Azure credentials here ({call.title} does not answer: {reason}); {_SIGN_IN}")


def managed_identity(environ: Mapping[str, str] = os.environ) -> TokenSource:
    """The identity of a function."""
    client = _Client(DirectTransport())

    def source(resource: str) -> AccessToken:
        call = _Call(
            method="GET",
            address=environ["IDENTITY_ENDPOINT"],
            query={"api-version": "2019-08-01", "resource": resource, **_chosen(environ)},
            headers={"x-identity-header": environ["IDENTITY_HEADER"]},
            title="the function's managed identity",
            limit=_LARGEST,
        )
        return _asked(client, call)

    return source


def instance_identity(environ: Mapping[str, str] = os.environ) -> TokenSource:
    """The identity of a virtual machine, or of a step of ACR Tasks.

    AZURE_POD_IDENTITY_AUTHORITY_HOST moves the service, as for azure-identity.
    """
    client = _MachineClient(DirectTransport(), seconds=12, attempt_seconds=3)
    host = (environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _MACHINE).rstrip("/")

    def source(resource: str) -> AccessToken:
        call = _Call(
            method="GET",
            address=f"{host}/metadata/identity/oauth2/token",
            query={"api-version": "2018-02-01", "resource": resource, **_chosen(environ)},
            headers={"metadata": "true"},
            title="the instance metadata service",
            limit=_LARGEST,
        )
        return _asked(client, call)

    return source


def workload_identity(transport: Transport | None, environ: Mapping[str, str] = os.environ) -> TokenSource:
    """The identity of a pod: its Kubernetes token, which the kubelet renews in its file, for one of Entra ID."""
    client = _Client(transport)
    address = f"{AzureEndpoints(environ).authority()}/{quote(environ['AZURE_TENANT_ID'], safe='')}/oauth2/v2.0/token"
    path = Path(environ["AZURE_FEDERATED_TOKEN_FILE"])

    def source(resource: str) -> AccessToken:
        form = {
            "grant_type": "client_credentials",
            "client_id": environ[CLIENT_ID],
            "client_assertion_type": _ASSERTION,
            "client_assertion": _assertion(path),
            "scope": f"{resource}/.default",
        }
        call = _Call(
            method="POST",
            address=address,
            body=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            title="Entra ID",
            limit=_LARGEST,
        )
        return _asked(client, call)

    return source


def _assertion(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        raise _denied(f"the pod's token in AZURE_FEDERATED_TOKEN_FILE cannot be read ({reason})") from None


def _chosen(environ: Mapping[str, str]) -> dict[str, str | int]:
    """Which user-assigned identity; without it, the one that the resource has from the system."""
    client_id = environ.get(CLIENT_ID, "").strip()
    return {"client_id": client_id} if client_id else {}


def _asked(client: _Client, call: _Call) -> AccessToken:
    found = client.read(call, _Token)
    seconds = _number(found.expires_in) or _number(found.expires_on) - time.time()
    return AccessToken(found.access_token, seconds)


def _number(value: float | str | None) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 0.0


_denied: Final[Callable[[str], BoatyardError]] = partial(BoatyardError, Code.DATAPLANE_DENIED)
_unavailable: Final[Callable[[str], BoatyardError]] = partial(BoatyardError, Code.DATAPLANE_UNAVAILABLE)
