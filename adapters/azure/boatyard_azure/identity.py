"""Who we are at Azure: access tokens, and the client id of the identity.

Found in the order of azure-identity's DefaultAzureCredential (https://learn.microsoft.com/python/api/azure-identity/):
a service principal in the environment, a pod's workload identity, a function's managed identity. Elsewhere
azure-identity is asked, if it is installed, as on a person's machine; else the instance metadata service, which virtual
machines and the steps of ACR Tasks have. A function and a job import no azure-identity (21 MB, 0.45 s).
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from boatyard.errors import BoatyardError, Code
from boatyard_serverless.rest import is_token

if TYPE_CHECKING:
    from boatyard_registry.transport import Transport

CLIENT_ID: Final = "AZURE_CLIENT_ID"
_SECRETS: Final = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH")
_SPARE_SECONDS: Final = 300.0
"""A token is renewed so long before its end, as azure-identity does."""
_LEAST_SECONDS: Final = 30.0
"""A token that ends sooner than the spare time is kept so long, so that not every call asks for another."""


class AccessToken(NamedTuple):
    text: str
    seconds: float
    """Until it ends."""


TokenSource = Callable[[str], AccessToken]
"""Returns a new token for a resource. Raises DATAPLANE_DENIED if there are no credentials, DATAPLANE_UNAVAILABLE if
they cannot be had now."""


class AzureIdentity(Protocol):
    """Thread-safe."""

    def token(self, resource: str, *, refused: str = "") -> str:
        """An access token for the resource, such as https://storage.azure.com. `refused` is one that the service no
        longer takes. Raises like `TokenSource`."""
        ...

    def assignee(self) -> str:
        """The client id for a role assignment; empty if it is not known."""
        ...


def find_identity(transport: "Transport | None" = None, environ: Mapping[str, str] = os.environ) -> AzureIdentity:
    """Sends no request yet. Entra ID is asked over `transport`."""
    client_id = environ.get(CLIENT_ID, "").strip()
    return KeptIdentity(_source(transport, environ, client_id), client_id)


def _source(transport: "Transport | None", environ: Mapping[str, str], client_id: str) -> TokenSource:
    from boatyard_azure import token_sources as sources

    if not any(environ.get(name) for name in _SECRETS):
        if environ.get("AZURE_FEDERATED_TOKEN_FILE") and environ.get("AZURE_TENANT_ID") and client_id:
            return sources.workload_identity(transport, environ)
        if environ.get("IDENTITY_ENDPOINT") and environ.get("IDENTITY_HEADER"):
            return sources.managed_identity(environ)
    from importlib.util import find_spec

    if find_spec("azure") and find_spec("azure.identity"):
        from boatyard_azure.signed_in import SignedIn

        return SignedIn()
    return sources.instance_identity(environ)


class _Kept(NamedTuple):
    text: str
    until: tuple[float, float]


class KeptIdentity:
    """Caches each resource's token until shortly before its end.

    The end is the earlier one by either clock: the monotonic clock may stand still while the cloud freezes the
    function, and the wall clock may be set back.
    """

    def __init__(
        self,
        source: TokenSource,
        client_id: str = "",
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._client_id = client_id
        self._clocks = (now, wall)
        self._kept: dict[str, _Kept] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def token(self, resource: str, *, refused: str = "") -> str:
        with self._lock:
            lock = self._locks[resource]
        with lock:
            kept = self._kept.get(resource)
            if kept is None or kept.text == refused or self._ended(kept):
                kept = self._kept[resource] = self._new(resource)
            return kept.text

    def assignee(self) -> str:
        return self._client_id

    def _ended(self, kept: _Kept) -> bool:
        return any(clock() >= until for clock, until in zip(self._clocks, kept.until, strict=True))

    def _new(self, resource: str) -> _Kept:
        found = self._source(resource)
        if not is_token(found.text):
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"Azure gives no token for {resource} that can be read")
        seconds = max(found.seconds - _SPARE_SECONDS, _LEAST_SECONDS)
        now, wall = self._clocks
        return _Kept(found.text, (now() + seconds, wall() + seconds))
