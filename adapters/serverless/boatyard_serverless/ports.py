"""The ports that a cloud's adapter implements. Decision 0016 lists what each port promises and what it does not.

`memory` implements every port; tests/contract runs the same suites against every implementation.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, Protocol

import msgspec

from boatyard.errors import BoatyardError


class Stored(msgspec.Struct, frozen=True):
    """The body and the version of an object."""

    body: bytes
    version: str
    """The argument for `Bucket.replace`: an ETag (S3, Blob Storage) or a generation (Cloud Storage)."""


class Bucket(Protocol):
    """An object store with conditional writes, which replace a database.

    A read returns every write that ended before it began. Every method raises DATAPLANE_UNAVAILABLE if the store is
    unreachable, and DATAPLANE_DENIED without permission.
    """

    def get(self, key: str) -> Stored | None: ...

    def has(self, key: str) -> bool: ...

    def put(self, key: str, body: bytes) -> None: ...

    def create(self, key: str, body: bytes) -> str | None:
        """Returns the new object's version, or None if the key exists. Of concurrent callers, exactly one gets a
        version."""
        ...

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        """Returns the new version, or None if the object has another version or is gone."""
        ...

    def delete(self, key: str) -> None:
        """Deletes the object, if it exists. Safe to repeat."""
        ...

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        """Yields keys in byte order, without `after` itself. `page` is the number of keys per request."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """Yields each distinct part between `prefix` and the next slash. Skips keys without such a slash."""
        ...


class Execution(msgspec.Struct, frozen=True):
    """A build service's description of one of its builds."""

    state: Literal["waiting", "running", "stopped", "timed_out", "ended"]
    """`ended` is any other end; the job's result has the details."""
    reason: str = ""
    """The service's own words for an unrequested end."""


class RawLog(msgspec.Struct, frozen=True):
    """Lines as the service returns them."""

    lines: tuple[str, ...]
    cursor: str


class Unsure(Exception):
    """Whether the service accepted the build is unknown, because the connection broke. A retry may start a second
    one."""


class BuildService(Protocol):
    """CodeBuild, Cloud Build, ACR Tasks: runs one container with `boatyard_serverless.builds.job`.

    It may run a build twice: not every service has an idempotency token. The job's own `started` object, which can be
    created only once, is the lock.
    """

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        """Returns the execution's id. Raises Unsure, TOO_MANY_BUILDS, DATAPLANE_UNAVAILABLE or DATAPLANE_DENIED."""
        ...

    def look(self, execution: str) -> Execution | None:
        """Returns None if the service does not know the execution, or no longer does."""
        ...

    def stop(self, execution: str) -> None:
        """Stops the execution. Safe to repeat, and after the execution has ended."""
        ...

    def log(self, execution: str, cursor: str) -> RawLog | None:
        """Returns the log after `cursor`, or None while there is no log. Raises INVALID_SPEC for a cursor that is not
        its own."""
        ...


class WorkQueue(Protocol):
    """Delivers each message at least once, in any order. It is falsy if the deployment has no queue."""

    longest_delay_seconds: int
    """0 if the cloud cannot delay a message."""

    def __bool__(self) -> bool: ...

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless the queue accepted every message; a retry sends the accepted ones
        again."""
        ...


class DeadLetters(Protocol):
    def keep(self, body: Any, error: BoatyardError, *, source: str) -> bool:
        """Stores a message that retries cannot help. Returns False without a dead-letter queue, or if it did not accept
        the message."""
        ...


class Telemetry(Protocol):
    """Writes logs and metrics in the cloud's own form. Callers pass no secrets.

    `boatyard_serverless.telemetry` defines what is logged of a request or an event.
    """

    def info(self, message: str, **extra: Any) -> None: ...

    def error(self, message: str, **extra: Any) -> None: ...

    def exception(self, message: str) -> None:
        """Logs the current exception with its traceback."""
        ...

    def count(self, name: str, value: float = 1) -> None: ...

    def milliseconds(self, name: str, value: float) -> None: ...
