"""Inside the build: fetches the job, runs `python -m boatyard_buildkit`, tells how it goes.

The environment has BOATYARD_BUILD_ID, BOATYARD_BUCKET and BOATYARD_SECRET_PREFIX; everything else is in the
record. Credentials are those of the project's service role.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobResult
from boatyard.ports import Scope
from boatyard_aws.clients import Clients
from boatyard_aws.clock import SystemClock
from boatyard_aws.codebuild.engine import engine
from boatyard_aws.codebuild.ledger import Ledger
from boatyard_aws.codebuild.log import END
from boatyard_aws.codebuild.programs import environment
from boatyard_aws.codebuild.record import Record
from boatyard_aws.s3 import Bucket, S3ContextStore, layout
from boatyard_aws.secret_values import write_secrets
from boatyard_buildkit import outbox
from boatyard_buildkit.failure import failure_of, state_of

_LOOK_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 3.0


def main(variables: Mapping[str, str] = os.environ) -> int:
    """The exit code of the job; 0 if there is nothing to do here."""
    clients = Clients()
    ledger = Ledger(Bucket(clients, variables["BOATYARD_BUCKET"]))
    build_id = variables["BOATYARD_BUILD_ID"]
    held = ledger.get(build_id)
    if held is None or held.record.build.state.ended:
        print(f"boatyard: nothing to do: {build_id} has ended, or was never asked for")
        return 0
    folder = layout.build_folder(build_id)
    if ledger.bucket.create(f"{folder}started", variables.get("CODEBUILD_BUILD_ID", "").encode()) is None:
        print(f"boatyard: nothing to do: {build_id} runs in another build")
        return 0
    with tempfile.TemporaryDirectory(prefix="boatyard-") as scratch, ExitStack() as until_end:
        return _run(Path(scratch), held.record, clients, ledger, variables, until_end)


def _run(
    place: Path,
    record: Record,
    clients: Clients,
    ledger: Ledger,
    variables: Mapping[str, str],
    until_end: ExitStack,
) -> int:
    job = _with_fresh_url(record.job, clients, ledger.bucket.name)
    out, secrets = place / "out", place / "secrets"
    out.mkdir()
    names = (*(secret.name for secret in job.secrets), *job.registry_secrets)
    try:
        write_secrets(clients, variables["BOATYARD_SECRET_PREFIX"], Scope(job.project, job.domain), names, secrets)
        buildkit = until_end.enter_context(engine(record.buildkit, job, place / "engine", variables))
    except BoatyardError as error:
        return _refuse(ledger, job.id, error)
    (place / "job.json").write_bytes(msgspec.json.encode(job))
    access = {
        "buildkitUri": record.buildkit_uri,
        "buildkit": buildkit,
        "authenticationType": record.authentication_type,
    }
    (place / "buildkit.json").write_bytes(msgspec.json.encode(access))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "boatyard_buildkit"),
            *("--job", str(place / "job.json"), "--out", str(out)),
            *("--secrets", str(secrets), "--buildkit", str(place / "buildkit.json")),
        ],
        env=environment(place / "bin"),
    )
    _follow(process, out, ledger, job.id)
    result = outbox.read_result(out)
    if result is not None:
        ledger.write(job.id, "result")(msgspec.json.encode(result))
    print(END, flush=True)
    return process.returncode


def _refuse(ledger: Ledger, build_id: str, error: BoatyardError) -> int:
    """The job cannot even begin; it says why as any other end is said."""
    print(f"{error.code}: {error.detail}")
    result = JobResult(state=state_of(error.code), error=failure_of(error))
    ledger.write(build_id, "result")(msgspec.json.encode(result))
    print(END, flush=True)
    return 1


def _follow(process: "subprocess.Popen[bytes]", out: Path, ledger: Ledger, build_id: str) -> None:
    offset, told, told_at = 0, b"", 0.0
    running = True
    while running:
        running = process.poll() is None
        while (part := outbox.read_log(out, offset)).lines:
            for line in part.lines:
                print(line.line)
            offset = part.offset
        sys.stdout.flush()
        progress = msgspec.json.encode(outbox.read_progress(out))
        if progress != told and time.monotonic() - told_at >= _TELL_SECONDS:
            ledger.write(build_id, "progress")(progress)
            told, told_at = progress, time.monotonic()
        if running:
            time.sleep(_LOOK_SECONDS)


def _with_fresh_url(job: BuildJob, clients: Clients, bucket: str) -> BuildJob:
    """The function's URL may have expired in CodeBuild's queue; this role may read the bucket itself."""
    if job.context is None:
        return job
    url = S3ContextStore(clients, bucket, SystemClock()).download_url(job.context.context.sha256)
    return msgspec.structs.replace(job, context=msgspec.structs.replace(job.context, url=url))
