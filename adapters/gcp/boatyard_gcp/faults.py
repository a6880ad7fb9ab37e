"""Explains errors of Google's APIs: the error code, and who acts next.

Format of errors: https://cloud.google.com/apis/design/errors. The reasons of a 403 are those of google.rpc.ErrorInfo
(googleapis/google/api/error_reason.proto) and of Cloud Storage's older format
(https://cloud.google.com/storage/docs/json_api/v1/status-codes).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard_serverless.faults import Codes, Fault

_RETRY_AFTER_SECONDS: Final = 10
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,80}\Z")
_THROTTLED: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quotaExceeded"})
_DISABLED: Final = frozenset({"SERVICE_DISABLED", "accessNotConfigured"})
_WHY: Final[Mapping[str, str]] = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "the machine's access scopes do not include cloud-platform",
    "BILLING_DISABLED": "the project has no billing account",
    "CONSUMER_SUSPENDED": "the project is suspended",
    "SECURITY_POLICY_VIOLATED": "a VPC Service Controls perimeter blocks the request",
    "vpcServiceControls": "a VPC Service Controls perimeter blocks the request",
}


class NeededRole(msgspec.Struct, frozen=True, kw_only=True):
    """The permission that a call needs, and how to grant it."""

    permission: str
    """Such as `storage.objects.get`."""
    resource: str
    """For people, such as `bucket images`."""
    role: str = ""
    grant: str = ""
    """The beginning of the gcloud command that binds the role on the resource."""

    def advice(self, account: str = "") -> str:
        """`account` is the e-mail of the service account that lacks the role, if known."""
        if not self.role:
            return "grant it"
        if not self.grant:
            return f"grant {self.role} on it"
        return f"grant {self.role} on it: {self.grant} --member=serviceAccount:{account or 'EMAIL'} --role={self.role}"


class _Info(msgspec.Struct, frozen=True):
    reason: str = ""
    metadata: Mapping[str, Any] = {}


class _Item(msgspec.Struct, frozen=True):
    reason: str = ""


class _Error(msgspec.Struct, frozen=True):
    status: str = ""
    details: tuple[_Info, ...] = ()
    errors: tuple[_Item, ...] = ()


class _Body(msgspec.Struct, frozen=True):
    error: _Error = _Error()


class GoogleError(msgspec.Struct, frozen=True):
    """An error that an API answered with."""

    status: int
    word: str = ""
    """Google's reason, else its status such as FAILED_PRECONDITION; empty if another server answered."""
    permission: str = ""
    """The missing permission, if the API names it."""
    api: str = ""
    """The disabled API."""

    @property
    def fault(self) -> Fault:
        if self.status == 429 or self.word in _THROTTLED:
            return Fault.THROTTLED
        if self.status == 401:
            return Fault.EXPIRED
        return Fault.DENIED if self.status == 403 else Fault.OTHER

    @property
    def is_of_a_disabled_api(self) -> bool:
        """No role helps in this case."""
        return self.status == 403 and self.word in _DISABLED


def refusal_of(status: int, body: bytes) -> GoogleError:
    try:
        error = decode_json(body, _Body).error
    except Undecodable:
        return GoogleError(status)
    info = next((detail for detail in error.details if detail.reason), _Info())
    reason = info.reason or next((item.reason for item in error.errors if item.reason), "") or error.status
    return GoogleError(
        status,
        _word(reason),
        _word(str(info.metadata.get("permission", ""))),
        _word(str(info.metadata.get("service", ""))),
    )


def explained(refusal: GoogleError, need: NeededRole, codes: Codes, *, account: str = "") -> BoatyardError:
    """`account`: see `NeededRole.advice`."""
    permission = refusal.permission or need.permission
    said = f"{refusal.status} {refusal.word}".strip()
    match refusal.fault:
        case Fault.DENIED if refusal.is_of_a_disabled_api:
            api = refusal.api or f"{permission.partition('.')[0]}.googleapis.com"
            return BoatyardError(
                codes.denied, f"the API {api} is disabled in the project: gcloud services enable {api}"
            )
        case Fault.DENIED:
            why = _WHY.get(refusal.word)
            advice = need.advice(account) if why is None else why
            return BoatyardError(codes.denied, f"Google refuses {permission} on {need.resource} ({said}): {advice}")
        case Fault.EXPIRED:
            detail = f"Google does not accept the access token for {permission} ({said})"
            return BoatyardError(codes.unavailable, detail)
        case Fault.THROTTLED:
            return BoatyardError(
                codes.unavailable,
                f"Google throttles {permission} on {need.resource} ({said}); Boatyard tried it more than once",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
    return BoatyardError(codes.unavailable, f"Google answers {permission} on {need.resource} with {said}")


def unreachable(need: NeededRole, reason: str, codes: Codes) -> BoatyardError:
    return BoatyardError(codes.unavailable, f"Google does not answer {need.permission}: {reason}")


def _word(text: str) -> str:
    """The text if it is a single word in Google's format. Other text from a server is not repeated."""
    return text if _WORD.match(text) else ""
