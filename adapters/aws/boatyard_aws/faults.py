"""What an AWS error means to us, and who acts next. botocore's exceptions do not get out of the adapters.

Codes: the "Errors" of each action in the API references, and botocore's own list of throttling codes
(botocore/retries/standard.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from boatyard.errors import BoatyardError, Code

_DENIED: Final = frozenset(
    {
        "403",  # S3 answers HEAD without a body
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "KMS.AccessDeniedException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_RETRY_AFTER_SECONDS: Final = 10


class Fault(StrEnum):
    DENIED = "denied"
    EXPIRED = "expired"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    OTHER = "other"


def code_of(error: Exception) -> str:
    """The service's own code, such as ImageNotFoundException; empty if no service answered."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def fault_of(error: Exception) -> Fault:
    code = code_of(error)
    if code in _DENIED:
        return Fault.DENIED
    if code in _EXPIRED:
        return Fault.EXPIRED
    if code in _THROTTLED:
        return Fault.THROTTLED
    return Fault.OTHER if code else Fault.UNREACHABLE


@contextmanager
def explained(action: str, resource: str, *, unavailable: Code, denied: Code) -> Iterator[None]:
    """Raises BoatyardError for whatever AWS says in the block.

    `action` is the IAM action (`ecr:DescribeImages`), so that a missing permission can be granted as it is
    printed. `unavailable` and `denied` are the codes to raise.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError):
        raise BoatyardError(denied, f"there are no AWS credentials for {action}") from None
    except (ClientError, BotoCoreError) as error:
        raise _explain(error, action, resource, unavailable=unavailable, denied=denied) from error


def _explain(error: Exception, action: str, resource: str, *, unavailable: Code, denied: Code) -> BoatyardError:
    match fault_of(error):
        case Fault.DENIED:
            return BoatyardError(denied, f"AWS refuses {action} on {resource} ({code_of(error)}): grant it")
        case Fault.EXPIRED:
            return BoatyardError(unavailable, f"the AWS credentials for {action} have expired")
        case Fault.THROTTLED:
            return BoatyardError(
                unavailable,
                f"AWS throttles {action} on {resource}; it was tried more than once",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        case Fault.UNREACHABLE:
            return BoatyardError(unavailable, f"AWS does not answer {action} ({type(error).__name__})")
    return BoatyardError(unavailable, f"AWS answers {action} on {resource} with {code_of(error)}")
