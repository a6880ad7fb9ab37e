"""What a request to a registry needs of HTTP: one bounded answer, or a reason in words."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from boatyard_registry.deadline import Deadline


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """Where it came from in the end; relative Locations are relative to it."""
    challenges: tuple[str, ...] = ()
    """The WWW-Authenticate headers."""
    redirected: bool = False
    """True if somebody else's Location led to it: what it asks for is not what the registry asks for."""


class Unreachable(Exception):
    """No usable answer. The text names the reason and never the query of a URL, which may hold tokens."""


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
        """One request and its answer, of at most `limit` bytes. Raises Unreachable. Follows no redirect."""
        ...

    def close(self) -> None: ...
