"""Adds an ID token to the client's requests, from Google credentials that are found as gcloud and the SDKs find them.

Installed beside the client, this is an entry point of the group `boatyard.auth`. It claims the addresses of Cloud Run
and Cloud Functions. A service account's token is valid for its address alone. A person's is accepted by each service
that lets the person in, so it is sent only to a server that the person named. Signed upload URLs have another host and
their own signature: the client sends no credentials there.
"""

import re
import threading
import time
from collections.abc import Callable, Generator
from typing import Final
from urllib.parse import urlsplit

import httpx

from boatyard_gcp.id_token import IdToken, NoToken
from boatyard_gcp.id_tokens import fetch

_CLOUD_RUN: Final = re.compile(r"[a-z0-9.-]+\.run\.app\Z")
_FUNCTIONS: Final = re.compile(r"[a-z0-9-]+\.cloudfunctions\.net\Z")
_UNAUTHORIZED: Final = 401


def audience_of(url: str) -> str | None:
    """The audience of a token for the address; None if Google does not check tokens there."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "https":
        return None  # anybody on the network could read the token
    host = (parts.hostname or "").lower()
    if _CLOUD_RUN.match(host):
        return f"https://{host}"
    if _FUNCTIONS.match(host):
        # All functions of a project share one host; the first part of the path names the function.
        return f"https://{host}/{parts.path.strip('/').partition('/')[0]}"
    return None


def auth_for(url: str, *, named: bool = False) -> httpx.Auth | None:
    """The entry point. Raises ValueError if the address is ours and there are no credentials."""
    audience = audience_of(url)
    if audience is None:
        return None
    auth = IdTokenAuth(lambda: _fetch_for(audience, named=named))
    try:
        auth.token()
    except NoToken as error:
        raise ValueError(str(error)) from None
    return auth


def _fetch_for(audience: str, *, named: bool) -> IdToken:
    found = fetch(audience)
    if not named and found.audience != audience:
        raise NoToken(
            "name this address in BOATYARD_URL: a person's token, which other services accept too, is sent to a server "
            "that you named, not to one of a project's file"
        )
    return found


class IdTokenAuth(httpx.Auth):
    """`Authorization: Bearer …`; the token is fetched again before it expires, and once when it is refused."""

    def __init__(self, fetch: Callable[[], IdToken]) -> None:
        self._fetch = fetch
        self._token: IdToken | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "IdTokenAuth(…)"

    def token(self, *, refused: str = "") -> str:
        """Raises NoToken."""
        with self._lock:
            if self._token is None or self._token.text == refused or time.time() >= self._token.until:
                self._token = self._fetch()
            return self._token.text

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises httpx.HTTPError if the credentials cannot be renewed, for example because the session ended."""
        sent = self._renewed()
        request.headers["authorization"] = f"Bearer {sent}"
        response = yield request
        if response.status_code == _UNAUTHORIZED and (other := self._renewed(refused=sent)) != sent:
            request.headers["authorization"] = f"Bearer {other}"
            yield request

    def _renewed(self, *, refused: str = "") -> str:
        try:
            return self.token(refused=refused)
        except NoToken as error:
            raise httpx.HTTPError(f"the Google credentials cannot be renewed: {error}") from error
