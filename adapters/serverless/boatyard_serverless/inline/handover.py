"""Gives a build whose job needs BuildKit after all to another build service, which begins again."""

from typing import Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.ports import BuildService, Unsure

_TRIES: Final = 8


def hand_over(ledger: BucketLedger, build_id: str, other: BuildService) -> None:
    """The build keeps its id, and its record names the new execution.

    A function that is killed in between does it again. Then the other service may have two executions, of which one
    does the work, as for every build. Raises DATAPLANE_UNAVAILABLE, so that the message comes again, or what the
    service's refusal says.
    """
    execution = ""
    for _ in range(_TRIES):
        held = ledger.get(build_id)
        if held is None or held.record.build.state.ended or held.record.stopping:
            if execution:
                other.stop(execution)
            return
        if not execution:
            try:
                execution = other.start(build_id, timeout_seconds=held.record.job.timeout_seconds)
            except Unsure:
                raise BoatyardError(
                    Code.DATAPLANE_UNAVAILABLE, f"whether the build service accepted {build_id} is unknown"
                ) from None
        if ledger.replace(held, msgspec.structs.replace(held.record, execution=execution)) is not None:
            return
    raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the record of {build_id} changes all the time; try again")
