"""What a function needs of its cloud. Decision 0016 says what each port promises and what it cannot.

`memory` has an implementation of each; tests/contract holds every implementation to the same suites.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, Protocol

import msgspec

from boatyard.errors import BoatyardError


class Stored(msgspec.Struct, frozen=True):
    """An object as it was read."""

    body: bytes
    version: str
    """What `Bucket.replace` takes: an ETag (S3, Blob Storage) or a generation (Cloud Storage)."""


class Bucket(Protocol):
    """An object store with conditional writes, which take the place of a database.

    A read sees every write that ended before it began. Every method raises DATAPLANE_UNAVAILABLE when the store cannot
    say, and DATAPLANE_DENIED when it may not.
    """

    def get(self, key: str) -> Stored | None: ...

    def has(self, key: str) -> bool: ...

    def put(self, key: str, body: bytes) -> None: ...

    def create(self, key: str, body: bytes) -> str | None:
        """The new object's version; None if the key is taken. Of any number of callers, one gets a version."""
        ...

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        """The new version; None if the object is no longer the one with `version`, or is gone."""
        ...

    def delete(self, key: str) -> None:
        """Safe to repeat: nothing happens if there is no such object."""
        ...

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        """In the order of their bytes, `after` left out. `page`: how many to ask for at a time."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """What keys have between `prefix` and the next slash, each once. Keys without such a slash have none."""
        ...


class Execution(msgspec.Struct, frozen=True):
    """What a cloud's build service says of one of its builds."""

    state: Literal["waiting", "running", "stopped", "timed_out", "ended"]
    """`ended` is any other end: what the job wrote says how."""
    reason: str = ""
    """The service's own words for an end that nobody asked for."""


class RawLog(msgspec.Struct, frozen=True):
    """Lines as the service has them."""

    lines: tuple[str, ...]
    cursor: str


class Unsure(Exception):
    """Nobody knows whether the service took the build: the connection broke. Asking again may start a second one."""


class BuildService(Protocol):
    """CodeBuild, Cloud Build, ACR Tasks: runs one container that runs `boatyard_serverless.builds.job`.

    It may run a build twice: not every service has an idempotency token. The job's own `started` object, which can be
    created once, is the lock.
    """

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        """The execution's id. Raises Unsure, TOO_MANY_BUILDS, DATAPLANE_UNAVAILABLE or DATAPLANE_DENIED."""
        ...

    def look(self, execution: str) -> Execution | None:
        """None if the service does not know it, or no longer."""
        ...

    def stop(self, execution: str) -> None:
        """Safe to repeat, and for an execution that has ended."""
        ...

    def log(self, execution: str, cursor: str) -> RawLog | None:
        """What comes after the cursor; None while there is no log. Raises INVALID_SPEC for a cursor of its own."""
        ...


class WorkQueue(Protocol):
    """Delivers each message at least once, in no order. False where a deployment has none."""

    longest_delay_seconds: int
    """0 where the cloud cannot hold a message back."""

    def __bool__(self) -> bool: ...

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless all were taken; those that were come a second time with the repeat."""
        ...


class DeadLetters(Protocol):
    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        """Keeps what no repeat can help. False if there is no place for it, or if that did not take it."""
        ...


class Telemetry(Protocol):
    """Logs and metrics, in the cloud's own form. Nothing that it is given may hold a secret.

    `boatyard_serverless.telemetry` says what is logged of a request or an event.
    """

    def info(self, message: str, **extra: Any) -> None: ...

    def error(self, message: str, **extra: Any) -> None: ...

    def exception(self, message: str) -> None:
        """Logs the exception that is being handled, with its traceback."""
        ...

    def count(self, name: str, value: float = 1) -> None: ...

    def milliseconds(self, name: str, value: float) -> None: ...
