"""The main program in the build service's container: fetches the job, runs `python -m boatyard_buildkit`, reports
progress.

Each cloud's `build_step` provides the parts. BOATYARD_BUILD_ID names the build; its record contains everything else.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobResult
from boatyard.ports import ContextStore, Scope
from boatyard_buildkit import outbox
from boatyard_buildkit.engine import engine
from boatyard_buildkit.failure import failure_of, state_of
from boatyard_serverless import keys
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.log import END
from boatyard_serverless.builds.record import BucketRecord
from boatyard_serverless.credential_helper import with_helper
from boatyard_serverless.ports import Bucket
from boatyard_serverless.secrets import SecretService, read_secret

_LOOK_SECONDS: Final = 0.5
_REPORT_SECONDS: Final = 3.0


class JobHost(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud provides to the job's container."""

    ledger: BucketLedger
    contexts: ContextStore
    read_secret: Callable[[Scope, str], bytes]
    """Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE. The function's identity cannot do this."""
    programs: Callable[[Path], Mapping[str, str]]
    """Writes the programs that the job needs in PATH to a folder, and returns the job's environment."""
    own_container: bool
    """Whether a running Docker engine belongs to this container alone, so that it may be replaced."""
    closed: tuple[str, ...] = ()
    """Addresses that build steps may not connect to (`boatyard_buildkit.engine`)."""


def job_host(
    bucket: Bucket,
    contexts: ContextStore,
    secrets: SecretService,
    *,
    prefix: str,
    helper: tuple[str, str],
    own_container: bool,
    closed: tuple[str, ...] = (),
) -> JobHost:
    """`prefix` is that of the secrets' names, `helper` the credential helper's program and module."""
    return JobHost(
        ledger=BucketLedger(bucket),
        contexts=contexts,
        read_secret=partial(read_secret, secrets, prefix),
        programs=partial(with_helper, *helper),
        own_container=own_container,
        closed=closed,
    )


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
    job = _with_fresh_url(record.job, step.contexts)
    out, secrets = place / "out", place / "secrets"
    out.mkdir()
    names = (*(secret.name for secret in job.secrets), *job.registry_secrets)
    try:
        _write_secrets(step, Scope(job.project, job.domain), names, secrets)
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
        return _refuse(step.ledger, job.id, error)
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
        env=dict(step.programs(place / "bin")),
    )
    _follow(process, out, step.ledger, job.id)
    result = outbox.read_result(out)
    if result is not None:
        step.ledger.write(job.id, "result")(msgspec.json.encode(result))
    print(END, flush=True)
    return process.returncode


def _write_secrets(step: JobHost, scope: Scope, names: Iterable[str], folder: Path) -> None:
    """Writes each secret to a file that only this user can read."""
    folder.mkdir(mode=0o700)
    for name in dict.fromkeys(names):
        value = step.read_secret(scope, name)
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(value)


def _refuse(ledger: BucketLedger, build_id: str, error: BoatyardError) -> int:
    """Writes the result of a job that could not start, in the form of any other result."""
    print(f"{error.code}: {error.detail}")
    result = JobResult(state=state_of(error.code), error=failure_of(error))
    ledger.write(build_id, "result")(msgspec.json.encode(result))
    print(END, flush=True)
    return 1


def _follow(process: "subprocess.Popen[bytes]", out: Path, ledger: BucketLedger, build_id: str) -> None:
    offset, reported, reported_at = 0, b"", 0.0
    running = True
    while running:
        running = process.poll() is None
        while (part := outbox.read_log(out, offset)).lines:
            for line in part.lines:
                print(line.line)
            offset = part.offset
        sys.stdout.flush()
        progress = msgspec.json.encode(outbox.read_progress(out))
        if progress != reported and time.monotonic() - reported_at >= _REPORT_SECONDS:
            ledger.write(build_id, "progress")(progress)
            reported, reported_at = progress, time.monotonic()
        if running:
            time.sleep(_LOOK_SECONDS)


def _with_fresh_url(job: BuildJob, contexts: ContextStore) -> BuildJob:
    """Signs new URLs: those of the function may have expired while the job was queued, and this identity can read the
    bucket."""
    if job.context is None:
        return job
    sha256 = job.context.context.sha256
    fresh = msgspec.structs.replace(
        job.context, url=contexts.download_url(sha256), refusal_url=contexts.refusal_url(sha256)
    )
    return msgspec.structs.replace(job, context=fresh)
