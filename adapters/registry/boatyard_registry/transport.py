"""What a registry's client needs of HTTP: one request, one answer of a limited size, and one kind of error."""

from collections.abc import Mapping
from typing import Protocol

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
