"""Carries out one build in the function for events: the handler of `BuildWaiting`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob, JobResult
from boatyard.ports import Clock
from boatyard_buildkit import outbox
from boatyard_buildkit.failure import failure_of, state_of
from boatyard_serverless import keys
from boatyard_serverless.builds.process import JobHost, JobProgram
from boatyard_serverless.builds.record import BucketRecord
from boatyard_serverless.events.model import BuildWaiting
from boatyard_serverless.events.outcome import EventOutcome
from boatyard_serverless.inline.handover import hand_over
from boatyard_serverless.inline.lease import Lease, LeaseLost, take
from boatyard_serverless.inline.log import InlineLogWriter
from boatyard_serverless.inline.place import Place, free_bytes, place
from boatyard_serverless.inline.state import InlineStates
from boatyard_serverless.ports import BuildService

_END_SECONDS: Final = 15.0
"""Before the platform kills the function: for the job to end its children, and for the last writes."""
_LEAST_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 10.0
"""For a job to end after SIGTERM."""


class InlineBuilding:
    """Thread-safe. `host` is made when a build begins, because other events do not need it."""

    def __init__(
        self,
        host: Callable[[], JobHost],
        clock: Clock,
        *,
        event_seconds: float,
        other: Callable[[], BuildService] | None = None,
        folder: Path | None = None,
    ) -> None:
        """`event_seconds`: how long the platform lets the function work on one event. `other` has BuildKit, for builds
        of which the job finds that a step needs it."""
        self._host = host
        self._clock = clock
        self._event_seconds = event_seconds
        self._other = other
        self._folder = folder

    def __call__(self, event: BuildWaiting, *, message: str, seconds_left: float | None) -> EventOutcome:
        """`seconds_left`, if the platform says how long the function may work. Raises errors after which the message
        has to come again."""
        until = time.monotonic() + (self._event_seconds if seconds_left is None else seconds_left) - _END_SECONDS
        name, host = f"build {event.build}", self._host()
        held = host.ledger.get(event.build)
        if held is None or held.record.build.state.ended:
            return EventOutcome(event=name, ignored="it has ended, or was never asked for")
        if until - time.monotonic() < _LEAST_SECONDS:
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, "the function has too little time left for a build")
        states = InlineStates(host.ledger.bucket)
        with place(self._folder) as where:
            lease = take(states, self._clock, event.build, message=message)
            if isinstance(lease, str):
                return EventOutcome(event=name, ignored=lease)
            try:
                return self._build(name, where, host, held.record, lease, until)
            except LeaseLost:
                return EventOutcome(event=name, ignored="another function carries it out now, or its state is gone")

    def _build(
        self, name: str, where: Place, host: JobHost, record: BucketRecord, lease: Lease, until: float
    ) -> EventOutcome:
        build_id = record.build.id
        if host.ledger.document(build_id, "result"):  # its function was killed before it ended the lease
            lease.end()
            return EventOutcome(event=name, ignored="it has its result")
        work = _Work(where, host, record.job, lease, until)
        try:
            result = work.run(record)
        except BoatyardError as error:
            if error.meaning.retryable:
                lease.leave()
                raise
            work.log.write([f"{error.code}: {error.detail}"])
            result = JobResult(state=state_of(error.code), error=failure_of(error))
        lease.renew()
        if self._other is not None and result and result.error and result.error.code == Code.UNSUPPORTED:
            hand_over(host.ledger, build_id, self._other())
            work.log.close()
            lease.end("a step needs BuildKit, so the build goes on in another build service")
            return EventOutcome(event=name, builds=(build_id,), problems=(result.error.message,))
        if result is not None:
            # Created and not replaced: of two functions, the first result is the build's.
            host.ledger.bucket.create(f"{keys.build_folder(build_id)}result", msgspec.json.encode(result))
        work.log.close()
        lease.end(work.death, timed_out=work.timed_out)
        return EventOutcome(event=name, builds=(build_id,))


class _Work:
    """One run of a job."""

    def __init__(self, where: Place, host: JobHost, job: BuildJob, lease: Lease, until: float) -> None:
        self.log = InlineLogWriter(host.ledger.bucket, job.id, lease.taken)
        self.death = ""
        """How the job's process ended, if it left no result."""
        self.timed_out = False
        """Whether the job left no result because it did not stop at its end."""
        self._folder, self._lock = where
        self._host = host
        self._job = job
        self._lease = lease
        self._until = until
        self._kill_at = float("inf")

    def run(self, record: BucketRecord) -> JobResult | None:
        """Raises LeaseLost, after the end of the job's process, or BoatyardError if the job cannot start."""
        ours = JobProgram(self._folder, self._host)
        job = ours.prepare(self._job)
        seconds = max(int(self._until - time.monotonic()), 1)
        bounded = msgspec.structs.replace(
            job,
            timeout_seconds=min(job.timeout_seconds, seconds),
            disk_bytes=min(job.disk_bytes or sys.maxsize, free_bytes(self._folder)),
        )
        if self._lease.taken > 1:
            self.log.write([f"boatyard: an earlier function was killed; function {self._lease.taken} begins again"])
        access = {"absent": True, "buildkit": record.buildkit, "authenticationType": record.authentication_type}
        process = ours.start(bounded, access, keeps=(self._lock,), **self._environment())
        try:
            ours.follow(
                process,
                lines=self.log.write,
                progress=self._host.ledger.write(job.id, "progress"),
                tick=lambda: self._tick(process),
            )
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        result = outbox.read_result(ours.out)
        if result is None:
            self.death = self._death(process.returncode)
            return None
        return _with_limit(result, seconds) if seconds < job.timeout_seconds else result

    def _environment(self) -> dict[str, str]:
        """Everything that the job's programs leave behind is in the folder, which the next build empties: a killed
        function removes nothing, and only this folder's file system is writable."""
        paths = {name: self._folder / name.lower() for name in ("HOME", "TMPDIR")}
        for path in paths.values():
            path.mkdir(mode=0o700)
        code = os.pathsep.join(filter(None, sys.path))
        return {**{name: str(path) for name, path in paths.items()}, "PYTHONPATH": code}

    def _tick(self, process: "subprocess.Popen[bytes]") -> None:
        self.log.write([])
        self._lease.beat()
        now = time.monotonic()
        if self._lease.stopping and self._kill_at == float("inf"):
            process.terminate()
            self._kill_at = now + _GRACE_SECONDS
        if now > self._until + _END_SECONDS / 2:
            self.timed_out = True
            process.kill()
        if now > self._kill_at:
            process.kill()

    def _death(self, code: int) -> str:
        if code < 0:
            return f"signal {-code} ended the job's process; the function may have too little memory"
        return f"the job's process ended with code {code} and without a result; the function's log has more"


def _with_limit(result: JobResult, seconds: int) -> JobResult:
    """Says whose limit ended the build."""
    if result.error is None or result.error.code != Code.TIMED_OUT:
        return result
    words = (
        f"the {seconds} s that the function for events had for the build were over; a runner other than `inline` has "
        f"more: {result.error.message}"
    )
    return msgspec.structs.replace(result, error=msgspec.structs.replace(result.error, message=words))
