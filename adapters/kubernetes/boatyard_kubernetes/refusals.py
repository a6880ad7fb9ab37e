"""Turns errors of the API server and of the connection into Boatyard's errors.

Statuses and reasons: kubernetes.io/docs/reference/kubernetes-api/common-definitions/status and
k8s.io/apimachinery/pkg/api/errors. No exception of lightkube or httpx leaves this package.
"""

import re
from enum import Enum, auto
from typing import Final

import httpx2
import msgspec
from lightkube.core.exceptions import ConfigError

from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard.errors import BoatyardError, Code
from boatyard_kubernetes.advice import advice

RETRY_AFTER_SECONDS: Final = 5
_MOST: Final = 300
_GRANT: Final = "docs/kubernetes.md has the Role that grants exactly what is needed"


class ClusterCall:
    """A request for display: `create jobs.batch in namespace flytesnacks-development`."""

    def __init__(self, verb: str, resource: str, namespace: str | None, name: str | None = None) -> None:
        self.verb = verb
        self.resource = resource
        self.namespace = namespace
        self.name = name

    def __str__(self) -> str:
        name = f" {self.name}" if self.name else ""
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        return f"{self.verb} {self.resource}{name} {where}"


class RefusalReason(Enum):
    """What may be decided on: a refusal's sentence is for people and may change."""

    ASKED_TO_WAIT = auto()
    NO_RIGHT = auto()
    QUOTA = auto()
    TERMINATING = auto()
    POD_SECURITY = auto()
    NO_SERVICE_ACCOUNT = auto()
    NO_DRY_RUN = auto()
    """A webhook cannot say what it would do."""
    POLICY = auto()
    """Anything else that admission or validation says."""


class ClusterRefusal(BoatyardError):
    """What the API server said no to. `said` are its own words, `plain` is the detail without our advice."""

    def __init__(
        self,
        code: Code,
        plain: str,
        *,
        reason: RefusalReason,
        call: ClusterCall,
        said: str,
        cure: str = "",
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(code, plain + cure, retry_after_seconds=retry_after_seconds)
        self.plain = plain
        self.reason = reason
        self.call = call
        self.said = said


class Absent(Exception):
    """404 for the object itself or its parent."""


class NamespaceMissing(BoatyardError):
    """404 for the namespace: DATAPLANE_DENIED, unless the caller can create it."""


class Exists(Exception):
    """409 AlreadyExists."""


class ObjectChanged(Exception):
    """409 Conflict, or a patch for another uid: the object was changed or replaced since it was read."""


class Expired(Exception):
    """410: the resourceVersion or the continue token has expired."""


class NotReady(Exception):
    """400 for a pod's log: the container has not started."""


class _Status(msgspec.Struct):
    """meta/v1 Status, the format of the API server's own errors."""

    code: int = 0
    reason: str = ""
    message: str = ""


_STATUS: Final = decoder(_Status)


def unreached(call: ClusterCall, error: Exception) -> Exception:
    """The exception to raise if no answer arrived."""
    if isinstance(error, ConfigError):
        return BoatyardError(Code.DATAPLANE_DENIED, f"the cluster's credentials cannot be read: {_short(str(error))}")
    if isinstance(error, httpx2.TimeoutException):
        return _away(f"the API server did not answer in time ({call})")
    return _away(f"the API server cannot be reached ({call}): {_short(str(error)) or type(error).__name__}")


def refused(call: ClusterCall, response: httpx2.Response) -> Exception:
    """The exception to raise for an error answer: a Status, or a proxy's text."""
    try:
        status = decode_json(response.content, _STATUS)
    except Undecodable:
        status = _Status(message=response.text)
    return _of_code(call, response.status_code, status.reason, _short(status.message), response)


def _of_code(call: ClusterCall, code: int, reason: str, message: str, response: httpx2.Response) -> Exception:
    match code:
        case 401:
            return BoatyardError(
                Code.DATAPLANE_DENIED,
                f"the API server does not know the caller ({call}): the token is missing, expired or of no known user",
            )
        case 403:
            return _forbidden(call, message)
        case 404 if reason == "NotFound" or not reason:
            return _namespace_missing(call, message) or Absent(message)
        case 409:
            return Exists(message) if reason == "AlreadyExists" else ObjectChanged(message)
        case 410:
            return Expired(message)
        case 429:
            return ClusterRefusal(
                Code.DATAPLANE_UNAVAILABLE,
                f"the API server is overloaded ({call}): {message}",
                reason=RefusalReason.ASKED_TO_WAIT,
                call=call,
                said=message,
                retry_after_seconds=_retry_after(response) or RETRY_AFTER_SECONDS,
            )
        # ValidateObjectMetaUpdate: a patch that names a uid, for an object with another one by now.
        case 422 if "metadata.uid: Invalid value" in message:
            return ObjectChanged(message)
        case 400 if call.resource == "pods/log":
            return NotReady(message)
        case 400 | 405 | 413 | 415 | 422:
            return _denied(call, message, f"the API server refuses to {call}: {message}")
    return _away(f"the API server answered {code} ({call}): {message}", _retry_after(response))


def _forbidden(call: ClusterCall, message: str) -> BoatyardError:
    if "exceeded quota" in message:
        return ClusterRefusal(
            Code.TOO_MANY_BUILDS,
            f"the ResourceQuota of {call.namespace} is used up: {message}",
            reason=RefusalReason.QUOTA,
            call=call,
            said=message,
            retry_after_seconds=30,
        )
    if "because it is being terminated" in message:
        plain = f"the namespace {call.namespace} is being deleted"
        return ClusterRefusal(Code.DATAPLANE_DENIED, plain, reason=RefusalReason.TERMINATING, call=call, said=message)
    if "User " in message and " cannot " in message:
        return ClusterRefusal(
            Code.DATAPLANE_DENIED,
            f"RBAC does not allow to {call}: {message}",
            reason=RefusalReason.NO_RIGHT,
            call=call,
            said=message,
            cure=f". {_GRANT}; bind it to this user",
        )
    return _denied(call, message, f"the cluster's policy refuses to {call}: {message}")


def _denied(call: ClusterCall, message: str, plain: str) -> ClusterRefusal:
    """By admission or validation, in the API server's own words."""
    text = advice(message)
    cure = f"; {text}" if text else ""
    return ClusterRefusal(Code.DATAPLANE_DENIED, plain, reason=_reason(message), call=call, said=message, cure=cure)


def _reason(message: str) -> RefusalReason:
    if "PodSecurity" in message:
        return RefusalReason.POD_SECURITY
    if "dry run" in message:
        return RefusalReason.NO_DRY_RUN
    if "service account" in message.lower() and "not found" in message:
        return RefusalReason.NO_SERVICE_ACCOUNT
    return RefusalReason.POLICY


def _namespace_missing(call: ClusterCall, message: str) -> BoatyardError | None:
    if not re.match(r'namespaces "[^"]*" not found', message):
        return None
    return NamespaceMissing(
        Code.DATAPLANE_DENIED,
        f"the namespace {call.namespace} does not exist: create it with its service account and Role, set "
        "kubernetes.createNamespaces, or change kubernetes.namespaceTemplate",
    )


def _away(detail: str, seconds: int | None = None) -> BoatyardError:
    return BoatyardError(Code.DATAPLANE_UNAVAILABLE, detail, retry_after_seconds=seconds or RETRY_AFTER_SECONDS)


def _retry_after(response: httpx2.Response) -> int | None:
    """Seconds; the API server sends no dates (priority and fairness, maxRequestsInFlight)."""
    text = response.headers.get("retry-after", "")
    return min(int(text), 300) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST else line[: _MOST - 1] + "…"
