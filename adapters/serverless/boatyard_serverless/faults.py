"""Translates a cloud's errors into BoatyardError, with a message that says who can act.

Each cloud's `CloudCall.read` classifies its SDK's exceptions; the translation is the same for every cloud. No exception
of an SDK leaves the adapters.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import ClassVar, Final, NamedTuple

from boatyard.backports import StrEnum
from boatyard.errors import BoatyardError, Code

_RETRY_AFTER_SECONDS: Final = 10


class Fault(StrEnum):
    NO_CREDENTIALS = "no credentials"
    DENIED = "denied"
    EXPIRED = "expired"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    """No service answered, so it is unknown whether the request was executed."""
    OTHER = "other"


class Refusal(NamedTuple):
    fault: Fault
    word: str
    """The service's error code, or the name of the SDK's exception if no service answered."""


class Codes(NamedTuple):
    """The error codes for a refusal that may pass, and for one that needs a permission."""

    unavailable: Code
    denied: Code


DATAPLANE: Final = Codes(Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED)
REGISTRY: Final = Codes(Code.REGISTRY_UNAVAILABLE, Code.REGISTRY_DENIED)


class CloudCall(ABC):
    """A context manager around a call of the cloud. Raises BoatyardError for the SDK's exceptions.

    `action` is the permission that the call needs (`ecr:DescribeImages`), so that a missing one can be granted as
    printed. A refusal whose code is in `expected` ends the block without an exception; `met` is that code.
    """

    cloud: ClassVar[str]
    met: str = ""

    def __init__(self, action: str, resource: str, codes: Codes = DATAPLANE, *, expected: Collection[str] = ()) -> None:
        self._action = action
        self._resource = resource
        self._codes = codes
        self._expected = expected

    @abstractmethod
    def read(self, error: BaseException) -> Refusal | None:
        """Returns None for an exception that is not the SDK's."""

    def __enter__(self) -> "CloudCall":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        refusal = self.read(error) if error is not None else None
        if refusal is None:
            return False
        if refusal.word in self._expected:
            self.met = refusal.word
            return True
        # Chained, so that a log shows the SDK's exception and a caller can read details from it.
        raise self._explained(refusal) from error

    def _explained(self, refusal: Refusal) -> BoatyardError:
        cloud, action, resource = self.cloud, self._action, self._resource
        unavailable, denied = self._codes
        match refusal.fault:
            case Fault.NO_CREDENTIALS:
                return BoatyardError(denied, f"there are no {cloud} credentials for {action}")
            case Fault.DENIED:
                return BoatyardError(denied, f"{cloud} refuses {action} on {resource} ({refusal.word}): grant it")
            case Fault.EXPIRED:
                return BoatyardError(unavailable, f"the {cloud} credentials for {action} have expired")
            case Fault.THROTTLED:
                return BoatyardError(
                    unavailable,
                    f"{cloud} throttles {action} on {resource}; it was tried more than once",
                    retry_after_seconds=_RETRY_AFTER_SECONDS,
                )
            case Fault.UNREACHABLE:
                return BoatyardError(unavailable, f"{cloud} does not answer {action} ({refusal.word})")
        return BoatyardError(unavailable, f"{cloud} answers {action} on {resource} with {refusal.word}")
