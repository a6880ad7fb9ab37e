"""The main program in the build service's container: fetches the job, runs `python -m boatyard_buildkit`, reports
progress.

Each cloud's `build_step` provides the parts. BOATYARD_BUILD_ID names the build; its record contains everything else.
"""

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from boatyard.errors import BoatyardError
from boatyard.job import JobResult
from boatyard_buildkit import outbox
from boatyard_buildkit.engine import engine
from boatyard_buildkit.failure import failure_of, state_of
from boatyard_serverless import keys
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from boatyard_serverless.builds.process import JobHost, JobProgram, print_lines
from boatyard_serverless.builds.record import BucketRecord


def main(build_id: str, execution: str, step: JobHost, variables: Mapping[str, str] = os.environ) -> int:
    """Runs the build and returns the exit code; 0 if the build has ended or runs elsewhere. `execution` is the build
    service's id."""
    held = step.ledger.get(build_id)
    if held is None or held.record.build.state.ended:
        print(f"boatyard: nothing to do: {build_id} has ended, or was never asked for")
        return 0
    folder = keys.build_folder(build_id)
    if step.ledger.bucket.create(f"{folder}started", execution.encode()) is None:
        print(f"boatyard: nothing to do: {build_id} runs in another build")
        return 0
    with tempfile.TemporaryDirectory(prefix="boatyard-") as scratch, ExitStack() as until_end:
        return _run(Path(scratch), held.record, step, variables, until_end)


def _run(place: Path, record: BucketRecord, step: JobHost, variables: Mapping[str, str], until_end: ExitStack) -> int:
    ours = JobProgram(place, step)
    try:
        job = ours.prepare(record.job)
        ready = engine(
            record.buildkit,
            job,
            place / "engine",
            variables,
            own_container=step.own_container,
            closed=step.closed,
        )
        buildkit = until_end.enter_context(ready)
    except BoatyardError as error:
        return _refuse(step.ledger, record.job.id, error)
    access = {
        "buildkitUri": record.buildkit_uri,
        "buildkit": buildkit,
        "authenticationType": record.authentication_type,
    }
    process = ours.start(job, access)
    ours.follow(process, lines=print_lines, progress=step.ledger.write(job.id, "progress"))
    result = outbox.read_result(ours.out)
    if result is not None:
        step.ledger.write(job.id, "result")(msgspec.json.encode(result))
    print(END, flush=True)
    return process.returncode


def _refuse(ledger: BucketLedger, build_id: str, error: BoatyardError) -> int:
    """Writes the result of a job that could not start, in the form of any other result."""
    print(f"{error.code}: {error.detail}")
    result = JobResult(state=state_of(error.code), error=failure_of(error))
    ledger.write(build_id, "result")(msgspec.json.encode(result))
    print(END, flush=True)
    return 1
