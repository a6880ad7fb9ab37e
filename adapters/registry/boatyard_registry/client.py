"""One request to a registry: its address, authentication and retries."""

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard.reference import Repository
from boatyard_registry.auth import Authenticator
from boatyard_registry.credentials import Anonymous, Keychain
from boatyard_registry.media import LARGEST_MANIFEST
from boatyard_registry.transport import Answer, HttpTransport, Transport, Unreachable, follow, same_origin

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that a repeat may change."""
_LONGEST_PAUSE: Final = 10.0


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    attempts: int = 4
    first_pause_seconds: float = 0.2
    """Doubled for each further attempt; the real pause is a random part of it, so that clients spread."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    repository: Repository
    path: str
    """Below `/v2/<repository>/`, or a whole URL that the registry gave."""
    actions: str = "pull"
    headers: Mapping[str, str] = {}
    limit: int = LARGEST_MANIFEST


class RegistryClient:
    """Thread-safe; connections and tokens are shared by all who use it."""

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        ca_bundle: str = "",
        retries: Retries | None = None,
        transport: Transport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._insecure = frozenset(insecure)
        self._transport = transport or HttpTransport(ca_bundle=ca_bundle)
        self._auth = Authenticator(keychain or Anonymous(), self._transport)
        self._retries = retries or Retries()
        self._sleep = sleep
        self._random = random.Random()  # noqa: S311 - spreads retries, keeps no secret
        self._lock = threading.Lock()

    def close(self) -> None:
        self._transport.close()

    def send(self, call: Call) -> Answer:
        """The registry's answer, whatever its status, unless that may pass.

        Raises REGISTRY_UNAVAILABLE when no such answer comes after the retries, and REGISTRY_DENIED
        when the token service refuses us.
        """
        host = call.repository.host
        pause = self._retries.first_pause_seconds
        for attempt in range(1, self._retries.attempts + 1):
            wait = 0.0
            try:
                answer = self._authorised(call)
                if answer.status not in _PASSING:
                    return answer
                reason = f"it answered {answer.status}"
                wait = retry_after(answer.headers.get("retry-after"))
            except Unreachable as error:
                reason = str(error)
            if attempt == self._retries.attempts or wait > _LONGEST_PAUSE:
                break
            with self._lock:
                jitter = self._random.uniform(pause / 2, pause)
            self._sleep(max(wait, jitter))
            pause *= 2
        raise BoatyardError("REGISTRY_UNAVAILABLE", f"the registry {host} cannot be asked: {reason}")

    def is_insecure(self, host: str) -> bool:
        return host in self._insecure

    def _authorised(self, call: Call) -> Answer:
        host = call.repository.host
        scope = f"repository:{call.repository.path}:{call.actions}"
        header = self._auth.header(host, scope)
        answer = self._plain(call, header)
        if answer.status != 401:
            return answer
        header = self._auth.respond(host, scope, answer, used=header, insecure=self.is_insecure(host))
        return self._plain(call, header) if header else answer

    def _plain(self, call: Call, authorization: str | None) -> Answer:
        host = call.repository.host
        base = f"{'http' if self.is_insecure(host) else 'https'}://{_address(host)}"
        url = call.path if "://" in call.path else f"{base}/v2/{call.repository.path}/{call.path}"
        headers = {"user-agent": "boatyard", **call.headers}
        if authorization and same_origin(url, base):
            headers["authorization"] = authorization
        return follow(
            self._transport,
            call.method,
            url,
            headers=headers,
            limit=call.limit,
        )


def retry_after(value: str | None) -> float:
    """Seconds to wait as Retry-After says (RFC 9110, 10.2.3); 0 if it says nothing that can be read."""
    if not value:
        return 0.0
    try:
        return max(float(value), 0.0) if value.strip().isdigit() else _until(value)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _until(date: str) -> float:
    return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)


def _address(host: str) -> str:
    return "registry-1.docker.io" if host == "docker.io" else host
