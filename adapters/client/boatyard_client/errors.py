"""The client's errors: one line for users, a code for programs.

The API's codes are passed on (`ApiError`); the client's own are below. httpx's exceptions do not leave this package.
"""

from typing import ClassVar

import msgspec

from boatyard.api.messages import Problem
from boatyard.build import Build, Failure
from boatyard.errors import Code
from boatyard.held import Held


class ClientError(Exception):
    """`detail` is one line; `advice`, where there is any, is what to do next."""

    code: ClassVar[str] = "CLIENT"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, *, advice: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = advice


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with one line that says what continues or was removed."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


class UsageError(ClientError):
    """The command line or an argument is invalid."""

    code = "USAGE"


class InputError(ClientError):
    """A file that was named cannot be used."""

    code = "INPUT"


class ConfigError(ClientError):
    """A configuration file, or an environment variable, cannot be used."""

    code = "CONFIG"


class ClusterError(ClientError):
    """A cluster cannot be examined."""

    code = "CLUSTER"


class PruneError(ClientError):
    """A registry does not delete what is old."""

    code = "PRUNE"


class ContextError(ClientError):
    """A file cannot be part of a context."""

    code = "CONTEXT"


class MissingFileError(ContextError):
    """A Dockerfile copies a file that is not in its context."""

    code = Code.FILE_NOT_FOUND


class ContextChangedError(ContextError):
    """A file changed while it was read. A retry may work."""

    code = "CONTEXT_CHANGED"
    retryable = True


class ConnectionFailedError(ClientError):
    """Nothing answers at the address, or the connection broke."""

    code = "UNREACHABLE"
    retryable = True

    def __init__(self, detail: str, *, advice: str = "", absent: bool = False) -> None:
        super().__init__(detail, advice=advice)
        self.absent = absent
        """No connection was established, so the request was not sent."""


class ProtocolError(ClientError):
    """The server's answer is not Boatyard's."""

    code = "PROTOCOL"


class UploadForbiddenError(ProtocolError):
    """The object store refuses an upload that the service has allowed."""


class BuildFailedError(ClientError):
    """A build ended without an image. `failure` has the reason."""

    code = "BUILD_FAILED"

    def __init__(self, build: Build, held: Held | None = None) -> None:
        """`held`: the build failed a short time ago, and was not started again."""
        self.build = build
        failure = build.error or Failure(
            code=build.state.value,
            message=f"build {build.id} ended as {build.state.value}",
            advice="Read its log.",
            retryable=build.state == "ERRORED",
        )
        if held is not None:
            old = (
                f"This failure is {held.age_seconds:.0f} s old. It answers equal requests for another "
                f"{held.seconds_left:.0f} s; --force builds now."
            )
            failure = msgspec.structs.replace(failure, advice=f"{failure.advice} {old}")
        self.failure = failure
        super().__init__(self.failure.message, advice=self.failure.advice)


class ApiError(Exception):
    """An answer of the API that is a problem document (RFC 9457)."""

    def __init__(self, problem: Problem, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(problem.detail)
        self.code = problem.code
        self.status = problem.status
        self.detail = problem.detail
        self.advice = problem.advice
        self.retryable = problem.retryable
        self.field = problem.field
        self.layer_index = problem.layer_index
        self.log_tail = problem.log_tail
        self.missing = problem.missing
        self.retry_after_seconds = retry_after_seconds
