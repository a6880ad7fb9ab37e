"""What a registry's client needs of HTTP: one request, one answer of a limited size, and one kind of error."""

from collections.abc import Mapping
from typing import BinaryIO, Protocol, runtime_checkable

import msgspec

from boatyard_registry.deadline import Deadline


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    """Names are in lower case."""
    body: bytes
    url: str
    """The final URL; relative Locations are relative to it."""
    challenges: tuple[str, ...] = ()
    """The WWW-Authenticate headers."""
    redirected: bool = False
    """Whether a redirect led to it: its challenge is not the registry's own."""


class Unreachable(Exception):
    """There is no usable answer. The text gives the reason, without URLs' queries, which may contain tokens."""


class Sink(Protocol):
    """Takes the body of an answer piece by piece."""

    def restart(self) -> None:
        """Called before the first piece of each answer: an attempt that broke off is followed by a whole one."""
        ...

    def write(self, piece: bytes) -> object: ...


class NoSuchHost(Unreachable):
    """The name has no address."""


class Transport(Protocol):
    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        """Sends one request and returns its answer of at most `limit` bytes. Follows no redirects. Raises
        Unreachable."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class StreamingTransport(Transport, Protocol):
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        source: BinaryIO | None = None,
        sink: Sink | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        """Like `send`, without a body in memory: the request's is read from `source`, whose length the headers state,
        and the body of a 200 or 206 goes to `sink`."""
        ...
