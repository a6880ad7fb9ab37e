"""The client's requests, with an Entra ID token of the caller's Azure credentials, found as azure-identity finds them:
the environment, a workload's identity, a managed identity, `az login` and other tools'.

Installed beside the client, this is an entry point of the group `boatyard.auth`. It claims App Service's addresses.
BOATYARD_TOKEN_SCOPE (Terraform's output `token_scope`) names the application that the tokens are for. A token is sent
only to a server that the person named: anyone who gets one can use it at the deployment. SAS URLs of uploads lead
elsewhere and carry their own signature.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

SCOPE: Final = "BOATYARD_TOKEN_SCOPE"
_APP_SERVICE: Final = re.compile(
    r"[a-z0-9.-]+\.(?:azurewebsites\.net|azurewebsites\.us|chinacloudsites\.cn)\Z",
)
_SCOPE: Final = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+/\.default\Z|[0-9a-fA-F-]{36}/\.default\Z")
_SPARE_SECONDS: Final = 300.0
_UNAUTHORIZED: Final = 401


class EntraToken(NamedTuple):
    text: str
    until: float
    """When to ask for the next one, on `time.time`."""

    def __repr__(self) -> str:
        return "EntraToken(…)"


class NoEntraToken(Exception):
    """These credentials give no token. The text says what to do."""


def auth_for(url: str, *, named: bool = False, environ: Mapping[str, str] = os.environ) -> httpx.Auth | None:
    """The entry point. Raises ValueError if the address is ours and there is no token for it."""
    if not _APP_SERVICE.match(_host(url)):
        return None
    if not named:
        raise ValueError(
            "name this address in BOATYARD_URL: a token is sent to a server that you named, not to one of a project's "
            "file"
        )
    scope = environ.get(SCOPE, "").strip()
    if not _SCOPE.match(scope):
        raise ValueError(f"set {SCOPE} to the output token_scope of Terraform, api://<application>/.default")
    auth = EntraAuth(lambda: fetch(scope))
    try:
        auth.token()
    except NoEntraToken as error:
        raise ValueError(str(error)) from None
    return auth


class EntraAuth(httpx.Auth):
    """`Authorization: Bearer …`; the token is fetched again before it expires, and once when it is refused."""

    def __init__(self, fetch: Callable[[], EntraToken]) -> None:
        self._fetch = fetch
        self._token: EntraToken | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "EntraAuth(…)"

    def token(self, *, refused: str = "") -> str:
        """Raises NoEntraToken."""
        with self._lock:
            if self._token is None or self._token.text == refused or time.time() >= self._token.until:
                self._token = self._fetch()
            return self._token.text

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises httpx.HTTPError when the credentials cannot be renewed, such as after a session's end."""
        sent = self._renewed()
        request.headers["authorization"] = f"Bearer {sent}"
        response = yield request
        if response.status_code == _UNAUTHORIZED and (other := self._renewed(refused=sent)) != sent:
            request.headers["authorization"] = f"Bearer {other}"
            yield request

    def _renewed(self, *, refused: str = "") -> str:
        try:
            return self.token(refused=refused)
        except NoEntraToken as error:
            raise httpx.HTTPError(f"the Azure credentials cannot be renewed: {error}") from error


def fetch(scope: str) -> EntraToken:
    """Asks azure-identity. Raises NoEntraToken."""
    import logging

    from boatyard_azure.sign_in_advice import advice

    try:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise NoEntraToken("azure-identity is not installed: pip install 'boatyard-azure[signing]'") from None
    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # it warns of each credential that it does not find
    try:
        found = DefaultAzureCredential().get_token(scope)
    except AzureError as error:
        raise NoEntraToken(advice(str(error), scope)) from None
    return EntraToken(found.token, max(found.expires_on - _SPARE_SECONDS, time.time() + 30))


def _host(url: str) -> str:
    """The host of an https address, else nothing; over plain HTTP, a token would be sent for everybody to read."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower() if parts.scheme.lower() == "https" else ""
    except ValueError:
        return ""
