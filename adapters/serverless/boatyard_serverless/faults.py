"""What a refusal of the cloud means, and the sentence that says who acts next.

Each cloud says how its SDK's exceptions are read (`CloudCall.read`); the meaning is the same everywhere. No exception
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
    """No service answered: whether it did what was asked, nobody knows."""
    OTHER = "other"


class Refusal(NamedTuple):
    fault: Fault
    word: str
    """The service's own code for it, or the name of the SDK's exception if no service answered."""


class Codes(NamedTuple):
    """What a refusal is for the caller: it may pass by itself, or somebody has to grant something."""

    unavailable: Code
    denied: Code


DATAPLANE: Final = Codes(Code.DATAPLANE_UNAVAILABLE, Code.DATAPLANE_DENIED)
REGISTRY: Final = Codes(Code.REGISTRY_UNAVAILABLE, Code.REGISTRY_DENIED)


class CloudCall(ABC):
    """A block that calls the cloud. Raises BoatyardError for what the cloud's SDK raises in it.

    `action` is the right that the call needs (`ecr:DescribeImages`), so that a missing one can be granted as it is
    printed. A refusal whose word is `expected` ends the block and raises nothing; `met` is that word then.
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
        """None for an exception that is not the SDK's."""

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
        # The SDK's exception stays below: a log shows it, and a caller may read more out of it.
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
