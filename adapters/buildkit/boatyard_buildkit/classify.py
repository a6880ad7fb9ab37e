from boatyard.build import Failure
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard_buildkit.failure import failure_of
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions


def explain(ended: Ended, job: BuildJob, instructions: Instructions) -> Failure:
    return failure_of(BoatyardError("COMMAND_FAILED", ended.error), log_tail=ended.output[-job.log_tail_lines :])
