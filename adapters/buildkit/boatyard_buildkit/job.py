"""Runs one job from start to result."""

import errno
import sys
import traceback
from pathlib import Path

from boatyard.archive import ArchiveBounds
from boatyard.build import Failure, Phase, State
from boatyard.docker_config import passwords
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob, JobResult
from boatyard_buildkit import outbox
from boatyard_buildkit.access import BuilderAccess
from boatyard_buildkit.build import DOCKER_FOLDER, BuildOutput, build
from boatyard_buildkit.failure import failure_of, state_of
from boatyard_buildkit.fetch import fetch
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.quota import Quota
from boatyard_buildkit.redaction import Redactor, url_passwords
from boatyard_buildkit.removal import remove
from boatyard_buildkit.secret_files import SecretFiles
from boatyard_buildkit.stop import JobStopped, stoppable
from boatyard_buildkit.unpack import unpack


class BuildFailed(Exception):
    """BuildKit ended with an error, which is explained."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def run_job(
    job: BuildJob, *, out: Path, secrets: Path | None, access: BuilderAccess, shared: Path | None = None
) -> JobResult:
    """Runs the job. When it returns, `out` has the result, the log and the progress, and nothing else. `shared` is a
    folder of this builder's jobs.

    It only raises if `out` is not usable. Call it in the main thread, because it handles the process's signals. All
    work that grows with the user's input counts in the job's timeout, including the redaction of secrets.
    """
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    (out / outbox.RESULT).unlink(missing_ok=True)
    work = out / outbox.WORK
    remove(work)
    work.mkdir(mode=0o700)
    progress = ProgressFile(out / outbox.PROGRESS)
    log = LogFile(out / outbox.LOG)
    built = BuildOutput(digest=None)
    failure: Failure | None = None
    try:
        with stoppable(job.timeout_seconds):
            built = _run(job, work, secrets, access, progress, log, shared)
    except BuildFailed as error:
        failure = error.failure
    except JobStopped as stop:
        tail = stop.log_tail[-job.log_tail_lines :] if job.log_tail_lines else ()
        failure = failure_of(BoatyardError(stop.code, _stopped(stop, job)), log_tail=tail)
    except BoatyardError as error:
        failure = failure_of(error)
    except OSError as error:
        failure = failure_of(_of_os(error))
    except Exception as error:
        # For the operator, not for the user: the process's own stderr.
        sys.stderr.write(log.redact("".join(traceback.format_exception(error))))
        failure = failure_of(BoatyardError(Code.INTERNAL, f"the job hit an unforeseen {type(error).__name__}"))
    state = state_of(Code(failure.code)) if failure else State.SUCCEEDED
    if failure:
        log.write(f"{state}: {failure.code}: {failure.message}")
    else:
        log.write(f"pushed {job.target}@{built.digest}")
    log.close()
    result = JobResult(
        state=state,
        phases=progress.finish(),
        digest=built.digest,
        error=failure,
        layer_digests=built.layer_digests,
    )
    _end(out, work, result)
    return result


def _end(out: Path, work: Path, result: JobResult) -> None:
    """Writes the result before it removes the work folder: removing a large context takes seconds, in which the job may
    be killed. On a full disk, the result only fits afterwards."""
    try:
        outbox.write(out / outbox.RESULT, result)
    except OSError:
        remove(work)
        outbox.write(out / outbox.RESULT, result)
    else:
        remove(work)


def _run(
    job: BuildJob,
    work: Path,
    secrets: Path | None,
    access: BuilderAccess,
    progress: ProgressFile,
    log: LogFile,
    shared: Path | None,
) -> BuildOutput:
    secret_files = SecretFiles(secrets, job)
    log.hide(Redactor(_hidden(job, secret_files)))
    quota = Quota(work, job.disk_bytes)
    progress.enter(Phase.FETCH_CONTEXT)
    context = work / "context"
    if job.context:
        archive = work / "context.tar.gz"
        fetch(job.context.context, job.context.url, archive, refusal_url=job.context.refusal_url)
        quota.check()
        bounds = ArchiveBounds(entries=job.context_entries, unpacked_bytes=job.unpacked_bytes)
        unpack(archive, context, bounds, job.context.context.trees, realm=job.realm.files, written=quota.spend)
        archive.unlink()
    else:
        context.mkdir()
    outcome = build(job, work, context, secret_files, access, progress, log, quota, shared)
    if isinstance(outcome, Failure):
        raise BuildFailed(outcome)
    if job.tags and outcome.digest:
        from boatyard_buildkit.pushed import give_tags

        progress.enter(Phase.PUSH)
        give_tags(job, outcome.digest, work / DOCKER_FOLDER)
        log.write(f"tagged {', '.join(job.tags)}")
    return outcome


def _hidden(job: BuildJob, secrets: SecretFiles) -> list[bytes]:
    """All values that must not appear in the log."""
    network = job.network
    values = url_passwords(network.index_url, *network.extra_index_urls, network.http_proxy, network.https_proxy)
    for name in (*(secret.name for secret in job.secrets), *job.registry_secrets):
        value = secrets.path(name).read_bytes()
        values += [value, *(passwords(value) if name in job.registry_secrets else ())]
    return values


def _stopped(stop: JobStopped, job: BuildJob) -> str:
    during = f" during {stop.during}" if stop.during else ""
    if stop.code == Code.TIMED_OUT:
        return f"the build's {job.timeout_seconds} s were over{during}"
    return f"the build was cancelled{during}"


def _of_os(error: OSError) -> BoatyardError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BoatyardError(Code.DISK_FULL, "the disk of the builder is full")
    return BoatyardError(Code.INTERNAL, f"the job cannot use its files: {error.strerror or type(error).__name__}")
