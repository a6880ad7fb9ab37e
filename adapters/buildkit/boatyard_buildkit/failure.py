"""An error with a code -> how the build ended."""

from typing import Final

import msgspec

from boatyard.build import Failure, State
from boatyard.errors import CODES, BoatyardError
from boatyard.lifecycle import failure

_STOPPED: Final = {"TIMED_OUT": State.TIMED_OUT, "CANCELLED": State.CANCELLED}
_OURS: Final = frozenset({"REGISTRY_DENIED"})
"""Not retryable, and not the user's either: the deployment lacks a permission."""


def state_of(code: str) -> State:
    """FAILED is the user's to mend; ERRORED is ours, or passes by itself."""
    if code in _STOPPED:
        return _STOPPED[code]
    return State.ERRORED if CODES[code].retryable or code in _OURS else State.FAILED


def failure_of(error: BoatyardError, *, log_tail: tuple[str, ...] = ()) -> Failure:
    made = failure(error.code, error.detail, log_tail)
    return msgspec.structs.replace(made, layer_index=error.layer_index)
