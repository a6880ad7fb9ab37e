"""Finds credentials for the deployment at an address.

On loopback, they are the embedded server's token, found beside the `server.json` with the same address. Elsewhere, a
cloud's edge requires credentials that only its own SDK can make: a distribution with that SDK offers an entry point in
the group below, a function that takes the deployment's address and returns an `httpx.Auth`, or None for other
addresses. Its keyword `named` is true if the person named that address: a token that other servers accept too is for
no other.

BOATYARD_TOKEN, or the file that BOATYARD_TOKEN_FILE names, is for the address that the same person gave: BOATYARD_URL,
else `--url`, else their own configuration file. It is never sent to an address from a project's file.
"""

import os
from collections.abc import Callable, Generator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import httpx

from boatyard_client.endpoint import (
    URL_VARIABLE,
    Endpoint,
    is_loopback,
    own_servers,
    same_server,
    user_file,
)
from boatyard_client.errors import ConfigError
from boatyard_client.server_file import read_token, token_beside

GROUP: Final = "boatyard.auth"
TOKEN_VARIABLE: Final = "BOATYARD_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FILE_VARIABLE: Final = "BOATYARD_TOKEN_FILE"  # noqa: S105
_UNAUTHORIZED: Final = 401


class BearerToken(httpx.Auth):
    """`Authorization: Bearer …`. Reads the token again if it is refused: a restarted server has a new one."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._token = read()

    def __repr__(self) -> str:
        return "BearerToken(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        sent = self._token
        if sent:
            request.headers["authorization"] = f"Bearer {sent}"
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            self._token = self._read()
            if self._token and self._token != sent:
                request.headers["authorization"] = f"Bearer {self._token}"
                yield request


def find_auth(
    endpoint: Endpoint, *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> httpx.Auth | None:
    """The credentials for a deployment, or None. Raises ConfigError for unusable ones."""
    variables = os.environ if environ is None else environ
    if read := _given(endpoint, variables):
        return BearerToken(read)
    if is_loopback(endpoint.url):
        start = folder or Path.cwd()
        return BearerToken(lambda: _of_own_server(endpoint.url, start))
    named = _is_meant(endpoint, variables)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found = point.load()(endpoint.url, named=named)
        except Exception as error:
            raise ConfigError(f"credentials for {endpoint.url} ({point.name}): {error}") from error
        if isinstance(found, httpx.Auth):
            return found
    return None


def _given(endpoint: Endpoint, variables: Mapping[str, str]) -> Callable[[], str] | None:
    """A reader for the environment's token, if it is meant for this address."""
    value, file = variables.get(TOKEN_VARIABLE, "").strip(), variables.get(TOKEN_FILE_VARIABLE, "").strip()
    if not (value or file) or not _is_meant(endpoint, variables):
        return None
    if endpoint.url.startswith("http:") and not is_loopback(endpoint.url):
        raise ConfigError(f"{endpoint.url}: a token is not sent over plain http", advice="Use an https address.")
    if value:
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigError(f"{TOKEN_VARIABLE} is not a token: it has characters that no header can carry")
        return lambda: value
    path = Path(file)
    if not read_token(path):
        raise ConfigError(
            f"{TOKEN_FILE_VARIABLE}: {path} contains no token, or others can read it",
            advice="Name the file `token` in the server's .boatyard/; it must be yours, mode 0600.",
        )
    return lambda: read_token(path)


def _is_meant(endpoint: Endpoint, variables: Mapping[str, str]) -> bool:
    """Whether the person named this address, as opposed to a project's file, even one that they trust."""
    if named := variables.get(URL_VARIABLE, "").strip():
        return same_server(named, endpoint.url)
    return endpoint.explicit or endpoint.origin == str(user_file(variables))


def _of_own_server(url: str, folder: Path) -> str:
    for path, record in own_servers(folder):
        if same_server(record.url, url):
            return token_beside(path)
    return ""
