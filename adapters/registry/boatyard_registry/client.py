"""Sends requests to a registry, with authentication and retries."""

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import BinaryIO, Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Repository
from boatyard_registry.auth import Authenticator
from boatyard_registry.credentials import Anonymous, Keychain
from boatyard_registry.deadline import Deadline
from boatyard_registry.http_transport import HttpTransport
from boatyard_registry.media import LARGEST_MANIFEST
from boatyard_registry.origin import same_origin
from boatyard_registry.redirects import follow
from boatyard_registry.retries import Retries, retry_after
from boatyard_registry.transport import Answer, Sink, StreamingTransport, Transport, Unreachable

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that a retry may change."""
TIMEOUT_SECONDS: Final = 10.0
"""The default limit of a whole lookup."""


class RegistryCall(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    repository: Repository
    path: str
    """A path below `/v2/<repository>/`, or a whole URL from the registry."""
    actions: str = "pull"
    headers: Mapping[str, str] = {}
    limit: int = LARGEST_MANIFEST
    body: bytes | None = None
    """The body of a request that changes something; its redirects are not followed."""
    source: BinaryIO | None = None
    """The same as a file, from its beginning; `headers` state its length. Such a request is sent once: the registry may
    have kept a part of a failed upload."""
    sink: Sink | None = None
    """Takes the body of a 200 or 206, of at most `limit` bytes."""
    mounts: Repository | None = None
    """A repository that must be readable, too: blobs are mounted from it."""


class RegistryClient:
    """Thread-safe. All callers share its connections and tokens."""

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        ca_bundle: str = "",
        retries: Retries | None = None,
        transport: Transport | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._insecure = frozenset(insecure)
        self._transport = transport or HttpTransport(ca_bundle=ca_bundle)
        self._auth = Authenticator(keychain or Anonymous(), self._transport, insecure=self._insecure)
        self._timeout_seconds = timeout_seconds
        self._retries = retries or Retries()
        self._sleep = sleep
        self._random = random.Random()  # noqa: S311 - spreads retries, keeps no secret
        self._lock = threading.Lock()

    def close(self) -> None:
        self._transport.close()

    def deadline(self) -> Deadline:
        """The deadline of a lookup that starts now."""
        return Deadline(self._timeout_seconds)

    def send(self, call: RegistryCall, deadline: Deadline | None = None) -> Answer:
        """Returns the registry's answer, whatever its status. Retries statuses that may pass.

        Raises REGISTRY_UNAVAILABLE without a lasting answer after the retries or before the deadline, and
        REGISTRY_DENIED if the token service refuses the credentials.
        """
        host = call.repository.host
        deadline = deadline or self.deadline()
        attempt = 0
        while True:
            attempt += 1
            wait = 0.0
            cause: Unreachable | None = None
            try:
                answer = self._authorised(call, deadline)
                if answer.status not in _PASSING:
                    return answer
                reason = f"it answered {answer.status}"
                wait = retry_after(answer.headers.get("retry-after"))
            except Unreachable as error:
                reason, cause = str(error), error
            with self._lock:
                spread = self._random.random()
            pause = self._retries.pause(attempt, asked=wait, left=deadline.left, spread=spread)
            if call.source is not None:
                pause = None
            if pause is None:
                # Chained, so that a caller can tell a name without an address from a registry that is down.
                raise BoatyardError(
                    Code.REGISTRY_UNAVAILABLE, f"the registry {host} cannot be asked: {reason}"
                ) from cause
            deadline.pause(pause, self._sleep)

    def is_insecure(self, host: str) -> bool:
        return host in self._insecure

    def _authorised(self, call: RegistryCall, deadline: Deadline) -> Answer:
        host = call.repository.host
        scope = f"repository:{call.repository.path}:{call.actions}"
        if call.mounts is not None:
            scope += f" repository:{call.mounts.path}:pull"
        header = self._auth.header(host, scope)
        answer = self._plain(call, header, deadline)
        if answer.status != 401 or answer.redirected:
            return answer  # a challenge after a redirect is not the registry's own
        header = self._auth.respond(host, scope, answer, used=header, deadline=deadline)
        return self._plain(call, header, deadline) if header else answer

    def _plain(self, call: RegistryCall, authorization: str | None, deadline: Deadline) -> Answer:
        host = call.repository.host
        base = f"{'http' if self.is_insecure(host) else 'https'}://{_address(host)}"
        url = call.path if "://" in call.path else f"{base}/v2/{call.repository.path}/{call.path}"
        headers = {"user-agent": "boatyard", **call.headers}
        if authorization and same_origin(url, base):
            headers["authorization"] = authorization
        if call.body is not None:
            return self._transport.send(
                call.method, url, headers=headers, body=call.body, limit=call.limit, deadline=deadline
            )
        if call.source is not None:
            stream = self._streaming().stream
            return stream(call.method, url, headers=headers, source=call.source, limit=call.limit, deadline=deadline)
        send = self._transport.send if call.sink is None else partial(self._streaming().stream, sink=call.sink)
        return follow(send, call.method, url, headers=headers, limit=call.limit, deadline=deadline)

    def _streaming(self) -> StreamingTransport:
        if not isinstance(self._transport, StreamingTransport):
            raise TypeError(f"{type(self._transport).__name__} streams no bodies")
        return self._transport


def _address(host: str) -> str:
    return "registry-1.docker.io" if host == "docker.io" else host
