"""An error with a code -> how the build ended."""

from typing import Final

import msgspec

from boatyard.build import Failure, State
from boatyard.errors import CODES, BoatyardError, Code
from boatyard.lifecycle import failure

_STOPPED: Final = {Code.TIMED_OUT: State.TIMED_OUT, Code.CANCELLED: State.CANCELLED}
_OURS: Final = frozenset({Code.REGISTRY_DENIED})
"""Not retryable, and not the user's either: the deployment lacks a permission."""


def state_of(code: Code) -> State:
    """FAILED is the user's to mend; ERRORED is ours, or passes by itself."""
    if code in _STOPPED:
        return _STOPPED[code]
    return State.ERRORED if CODES[code].retryable or code in _OURS else State.FAILED


def failure_of(error: BoatyardError, *, log_tail: tuple[str, ...] = ()) -> Failure:
    made = failure(error.code, error.detail, log_tail)
    return msgspec.structs.replace(made, layer_index=error.layer_index)
