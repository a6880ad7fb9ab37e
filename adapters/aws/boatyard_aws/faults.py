"""Classifies botocore's exceptions; `boatyard_serverless.faults` translates them.

The codes come from the "Errors" of each action in the API references, and from botocore's own list of throttling codes
(botocore/retries/standard.py).
"""

from typing import Final

from boatyard_serverless.faults import CloudCall, Fault, Refusal

_DENIED: Final = frozenset(
    {
        "403",  # S3 answers HEAD without a body
        *("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KMS.AccessDeniedException", "OptInRequired"),
        *("InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"),
        *("MissingAuthenticationToken", "UnauthorizedOperation", "UnrecognizedClientException"),
    }
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_THROTTLED: Final = frozenset(
    {
        *("BandwidthLimitExceeded", "PriorRequestNotComplete", "RequestLimitExceeded", "SlowDown"),
        *("RequestThrottled", "RequestThrottledException", "ThrottledException", "Throttling", "ThrottlingException"),
        "TooManyRequestsException",
    }
)

_FAULTS: Final = {
    **dict.fromkeys(_DENIED, Fault.DENIED),
    **dict.fromkeys(_EXPIRED, Fault.EXPIRED),
    **dict.fromkeys(_THROTTLED, Fault.THROTTLED),
}


class AwsCall(CloudCall):
    """`action` is the IAM action."""

    cloud = "AWS"

    def read(self, error: BaseException) -> Refusal | None:
        return refusal_of(error)


def refusal_of(error: BaseException | None) -> Refusal | None:
    """Returns None for an exception that is not botocore's."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        return Refusal(_FAULTS.get(code, Fault.OTHER), code) if code else Refusal(Fault.UNREACHABLE, "ClientError")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Refusal(Fault.NO_CREDENTIALS, type(error).__name__)
    return Refusal(Fault.UNREACHABLE, type(error).__name__) if isinstance(error, BotoCoreError) else None
