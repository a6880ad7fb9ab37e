"""Docker's token authentication and Basic, per host and scope, with the tokens kept while they last."""

import base64
import threading
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from boatyard.errors import BoatyardError
from boatyard_registry import challenge
from boatyard_registry.credentials import Credentials, Keychain
from boatyard_registry.transport import Answer, Transport, Unreachable

_LARGEST_TOKEN: Final = 256 * 1024
_DEFAULT_SECONDS: Final = 60
"""How long a token lasts whose answer does not say (the token specification's minimum)."""
_SPARE_SECONDS: Final = 5
_MOST_TOKENS: Final = 4096


class _TokenAnswer(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


class Authenticator:
    """Answers a registry's challenge. Thread-safe."""

    def __init__(self, keychain: Keychain, transport: Transport, *, now: Callable[[], float] = time.monotonic) -> None:
        self._keychain = keychain
        self._transport = transport
        self._now = now
        self._known: dict[tuple[str, str], tuple[str, float]] = {}
        self._fetching: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def header(self, host: str, scope: str) -> str | None:
        """The Authorization that worked before, if it still does."""
        with self._lock:
            found = self._known.get((host, scope))
            return found[0] if found and found[1] > self._now() else None

    def respond(self, host: str, scope: str, answer: Answer, *, used: str | None, insecure: bool) -> str | None:
        """The Authorization that the 401 `answer` asks for; None if we have nothing to say to it.

        `used` is the one that was refused. Threads that were refused together fetch one token together.
        Raises Unreachable, or REGISTRY_DENIED if the token service refuses us.
        """
        with self._lock:
            fetching = self._fetching.setdefault((host, scope), threading.Lock())
        with fetching:
            known = self.header(host, scope)
            if known and known != used:
                return known
            return self._answer(host, scope, answer, insecure=insecure)

    def _answer(self, host: str, scope: str, answer: Answer, *, insecure: bool) -> str | None:
        for asked in challenge.parse(answer.challenges):
            if asked.scheme == "bearer" and (realm := asked.parameters.get("realm")):
                _check_realm(realm, host, insecure=insecure)
                service = asked.parameters.get("service", "")
                header, seconds = self._token(host, realm, service, scope)
                return self._keep(host, scope, header, seconds)
            if asked.scheme == "basic":
                credentials = self._keychain.resolve(host)
                if credentials and credentials.password:
                    return self._keep(host, scope, _basic(credentials), 300)
        return None

    def _keep(self, host: str, scope: str, header: str, seconds: float) -> str:
        with self._lock:
            if len(self._known) >= _MOST_TOKENS:
                self._known.clear()
                self._fetching.clear()
            self._known[host, scope] = (header, self._now() + seconds)
        return header

    def _token(self, host: str, realm: str, service: str, scope: str) -> tuple[str, float]:
        credentials = self._keychain.resolve(host)
        if credentials and credentials.identity_token:
            answer = self._refresh(realm, service, scope, credentials.identity_token)
        else:
            answer = self._fetch(realm, service, scope, credentials)
        where = urlsplit(realm).hostname or host
        if answer.status in (400, 401, 403):
            raise BoatyardError("REGISTRY_DENIED", f"{where} gives no token for {host} ({answer.status})")
        if answer.status != 200:
            raise Unreachable(f"the token service {where} answered {answer.status}")
        try:
            document = msgspec.json.decode(answer.body, type=_TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            document = _TokenAnswer()
        token = document.token or document.access_token
        if not token or not token.isascii() or not token.isprintable():
            raise Unreachable(f"the token service {where} answered without a token")
        seconds = document.expires_in or _DEFAULT_SECONDS
        return f"Bearer {token}", max(seconds - _SPARE_SECONDS, 1)

    def _fetch(self, realm: str, service: str, scope: str, credentials: Credentials | None) -> Answer:
        query = [("service", service)] if service else []
        query.append(("scope", scope))
        headers: dict[str, str] = {}
        if credentials and credentials.password:
            headers["authorization"] = _basic(credentials)
            query.append(("account", credentials.username))
        joint = "&" if urlsplit(realm).query else "?"
        return self._transport.send("GET", f"{realm}{joint}{urlencode(query)}", headers=headers, limit=_LARGEST_TOKEN)

    def _refresh(self, realm: str, service: str, scope: str, token: str) -> Answer:
        """OAuth2 with a refresh token: what Azure's registry and `docker login` with SSO hand out."""
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
        return self._transport.send("POST", realm, headers=headers, body=form, limit=_LARGEST_TOKEN)


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}".encode()
    return "Basic " + base64.b64encode(pair).decode("ascii")


def _check_realm(realm: str, host: str, *, insecure: bool) -> None:
    """The password goes there: only over TLS, unless the registry itself is spoken to without."""
    try:
        parts = urlsplit(realm)
        allowed = parts.scheme == "https" or (insecure and parts.scheme == "http")
        if allowed and parts.hostname and "@" not in parts.netloc and realm.isprintable():
            return
    except ValueError:
        pass
    raise Unreachable(f"{host} names a token service that is not an https URL")
