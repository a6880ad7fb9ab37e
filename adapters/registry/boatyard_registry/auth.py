"""Implements Docker's token authentication and Basic, and caches tokens by host and scope."""

import base64
import time
from collections.abc import Collection
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard_registry import challenge
from boatyard_registry.credentials import Credentials, Keychain
from boatyard_registry.deadline import Deadline, OutOfTime
from boatyard_registry.jwt import ends_at
from boatyard_registry.kept import Kept, Turns
from boatyard_registry.transport import Answer, Transport, Unreachable

_LARGEST_ANSWER: Final = 256 * 1024
_LONGEST_TOKEN: Final = 32 * 1024
"""Characters; several times what a registry accepts in a header."""
_LONGEST_REALM: Final = 2_048
_DEFAULT_SECONDS: Final = 60
"""The lifetime of a token that states none, nor does its answer (the token specification's minimum)."""
_LONGEST_SECONDS: Final = 3_600
_SPARE_SECONDS: Final = 5
_BASIC_SECONDS: Final = 300
_MOST_TOKENS: Final = 1_024


class _TokenAnswer(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


class Authenticator:
    """Answers a registry's challenges. Thread-safe."""

    def __init__(self, keychain: Keychain, transport: Transport, *, insecure: Collection[str] = ()) -> None:
        self._keychain = keychain
        self._transport = transport
        self._insecure = frozenset(insecure)
        self._known: Kept[tuple[str, str], str] = Kept(_MOST_TOKENS)
        self._turns: Turns[tuple[str, str]] = Turns()

    def header(self, host: str, scope: str) -> str | None:
        """The Authorization header that worked before, if it is still valid."""
        return self._known.get((host, scope))

    def respond(self, host: str, scope: str, answer: Answer, *, used: str | None, deadline: Deadline) -> str | None:
        """Returns a header for the challenge in the registry's own 401 `answer`, or None if there is no suitable one.

        `used` is the refused header. Threads that were refused together fetch one token together. Raises Unreachable,
        or REGISTRY_DENIED if the token service refuses the credentials.
        """
        try:
            with self._turns.turn((host, scope), deadline):
                known = self.header(host, scope)
                if known and known != used:
                    return known
                return self._answer(host, scope, answer, deadline)
        except OutOfTime:
            raise Unreachable(f"no token for {host} came in time") from None

    def _answer(self, host: str, scope: str, answer: Answer, deadline: Deadline) -> str | None:
        for asked in challenge.parse(answer.challenges):
            if asked.scheme == "bearer" and (realm := asked.parameters.get("realm")):
                check_realm(realm, host, self._insecure)
                service = asked.parameters.get("service", "")
                header, seconds = self._token(host, realm, service, scope, deadline)
                self._known.put((host, scope), header, seconds=seconds)
                return header
            if asked.scheme == "basic":
                credentials = self._keychain.resolve(host, seconds=deadline.require())
                if credentials and credentials.password:
                    header = _basic(credentials)
                    self._known.put((host, scope), header, seconds=_BASIC_SECONDS)
                    return header
        return None

    def _token(self, host: str, realm: str, service: str, scope: str, deadline: Deadline) -> tuple[str, float]:
        credentials = self._keychain.resolve(host, seconds=deadline.require())
        if credentials and credentials.identity_token:
            answer = self._refresh(realm, service, scope, credentials.identity_token, deadline)
        else:
            answer = self._fetch(realm, service, scope, credentials, deadline)
        where = urlsplit(realm).hostname or host
        if answer.status in (400, 401, 403):
            raise BoatyardError(Code.REGISTRY_DENIED, f"{where} gives no token for {host} ({answer.status})")
        if answer.status != 200:
            raise Unreachable(f"the token service {where} answered {answer.status}")
        try:
            document = decode_json(answer.body, _TokenAnswer)
        except Undecodable:
            document = _TokenAnswer()
        token = document.token or document.access_token
        if not token or not token.isascii() or not token.isprintable() or len(token) > _LONGEST_TOKEN:
            raise Unreachable(f"the token service {where} answered without a token")
        # ACR states the lifetime of its tokens in the tokens alone.
        seconds = document.expires_in or max(ends_at(token) - time.time(), _DEFAULT_SECONDS)
        return f"Bearer {token}", min(max(seconds - _SPARE_SECONDS, 1), _LONGEST_SECONDS)

    def _fetch(
        self, realm: str, service: str, scope: str, credentials: Credentials | None, deadline: Deadline
    ) -> Answer:
        query = [("service", service)] if service else []
        query += [("scope", each) for each in scope.split(" ")]
        headers: dict[str, str] = {}
        if credentials and credentials.password:
            headers["authorization"] = _basic(credentials)
            query.append(("account", credentials.username))
        joint = "&" if urlsplit(realm).query else "?"
        # Follow no redirects: they could send the password to an unnamed host.
        return self._transport.send(
            "GET", f"{realm}{joint}{urlencode(query)}", headers=headers, limit=_LARGEST_ANSWER, deadline=deadline
        )

    def _refresh(self, realm: str, service: str, scope: str, token: str, deadline: Deadline) -> Answer:
        """Exchanges a refresh token by OAuth2, as Azure's registry and `docker login` with SSO issue them."""
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "service": service,
                "scope": scope,
                "client_id": "boatyard",
                "refresh_token": token,
            }
        ).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
        }
        return self._transport.send("POST", realm, headers=headers, body=form, limit=_LARGEST_ANSWER, deadline=deadline)


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}".encode()
    return "Basic " + base64.b64encode(pair).decode("ascii")


def check_realm(realm: str, host: str, insecure: Collection[str]) -> None:
    """Raises Unreachable unless credentials for `host` may be sent to the token service that it names.

    A registry behind TLS may name any https URL, as Docker Hub, GitLab and GHCR's mirrors do: it could ask for the
    password itself. In plain HTTP, anybody on the network may answer in the registry's name, so it may only name its
    own host or a host that the operator listed as insecure.
    """
    try:
        parts = urlsplit(realm)
        named = f"{parts.hostname}:{parts.port or 80}"
        own = parts.hostname == urlsplit(f"//{host}").hostname or parts.netloc in insecure or named in insecure
        allowed = (own and parts.scheme in ("http", "https")) if host in insecure else parts.scheme == "https"
        plain = parts.hostname and "@" not in parts.netloc and not parts.fragment
        if allowed and plain and realm.isascii() and realm.isprintable() and len(realm) <= _LONGEST_REALM:
            return
    except ValueError:
        pass
    raise Unreachable(f"{host} names a token service that it may not send a password to")
