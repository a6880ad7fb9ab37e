"""Maps error codes to the state in which a build ends."""

from typing import Final

import msgspec

from boatyard.build import Failure, State
from boatyard.errors import CODES, BoatyardError, Code
from boatyard.lifecycle import failure

_STOPPED: Final = {Code.TIMED_OUT: State.TIMED_OUT, Code.CANCELLED: State.CANCELLED}
_OURS: Final = frozenset({Code.REGISTRY_DENIED})
"""Neither retryable nor the user's fault: the deployment lacks a permission."""


def state_of(code: Code) -> State:
    """FAILED if the user has to change something; ERRORED if the deployment failed or the error may pass."""
    if code in _STOPPED:
        return _STOPPED[code]
    return State.ERRORED if CODES[code].retryable or code in _OURS else State.FAILED


def failure_of(error: BoatyardError, *, log_tail: tuple[str, ...] = ()) -> Failure:
    made = failure(error.code, error.detail, log_tail)
    return msgspec.structs.replace(made, layer_index=error.layer_index)
