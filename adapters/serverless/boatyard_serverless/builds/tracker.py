"""Computes a build's state from its build service and its job, and stores it in the record."""

import logging
import re
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import msgspec

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.job import JobProgress, JobResult
from boatyard.lifecycle import Ending
from boatyard.ports import Clock, Ensured
from boatyard.timespan import lasts
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.record import BucketRecord, StoredRecord
from boatyard_serverless.ports import BuildService, Execution, Unsure

T = TypeVar("T")
_log = logging.getLogger(__name__)
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,199}\Z")
ABANDONED_SECONDS: Final = 60.0
"""After so many seconds, a record without an execution is taken over: longer than any start with its retries, shorter
than the five minutes for which CodeBuild remembers an idempotency token."""


class BuildTracker:
    def __init__(self, ledger: BucketLedger, service: BuildService, clock: Clock) -> None:
        self._ledger = ledger
        self._service = service
        self._clock = clock

    def start(self, held: StoredRecord) -> Ensured:
        """Starts the build of a record that this function has claimed. A refusal ends it, so that the next request can
        try again.

        If it is unknown whether the service accepted the build, the answer is not `is_started`. The record stays, and
        is taken over later.
        """
        build = held.record.build
        try:
            execution = self._service.start(build.id, timeout_seconds=held.record.job.timeout_seconds)
        except Unsure:
            return Ensured(build, False, is_started=False)
        except BoatyardError as error:
            refusal = Ending(state=State.ERRORED, code=error.code, message=error.detail)
            self._end(held, lifecycle.ended(build, refusal, now=self._clock.now()))
            raise
        started = self._ledger.replace(held, msgspec.structs.replace(held.record, execution=execution))
        if started is None:
            newer = self._ledger.get(build.id)
            if newer and newer.record.build.state.ended:  # cancelled while it was being started
                self._service.stop(execution)
                return Ensured(newer.record.build, False)
        return Ensured(build, False)

    def release(self, held: StoredRecord) -> None:
        """Lets the next reader of the record take it over immediately."""
        with suppress(BoatyardError):
            self._ledger.replace(held, msgspec.structs.replace(held.record, claimed_at=0.0))

    def stop(self, held: StoredRecord) -> None:
        if held.record.execution:
            self._service.stop(held.record.execution)
        if held.record.build.state.ended:
            self._ledger.close(held.record.build)

    def observe(self, held: StoredRecord) -> Build:
        """The current state of the build. The first reader of a final state stores it."""
        record = held.record
        if record.build.state.ended:
            return record.build
        if (result := self._result(record)) is not None:
            return self._conclude(held, result)
        if not record.execution:
            return self._take_over(held)
        execution = self._service.look(record.execution)
        if execution is None:
            return self._conclude(held, None)
        if execution.state == "waiting":
            return record.build
        if execution.state == "running":
            return self._progressed(self._begin(held))
        # The job may have written its result between the two reads.
        result = self._result(record)
        if result is None and (owner := self._owner(record)):
            return self._adopt(held, owner)
        return self._conclude(held, result, execution)

    def _result(self, record: BucketRecord) -> JobResult | None:
        return self._document(record.build, "result", JobResult)

    def _take_over(self, held: StoredRecord) -> Build:
        now = self._clock.now()
        if lasts(held.record.claimed_at, now, ABANDONED_SECONDS):
            return held.record.build
        ours = self._ledger.replace(held, msgspec.structs.replace(held.record, claimed_at=now))
        if ours is None:
            return held.record.build
        self._ledger.announce(ours.record.build)
        return self.start(ours).build

    def _owner(self, record: BucketRecord) -> str:
        """The execution that does the build, if it is another one: a lost answer can start two, and one does nothing.

        The job writes the last part of its execution's id.
        """
        written = (self._ledger.document(record.build.id, "started") or b"").decode("ascii", errors="replace")
        parent, slash, _ = record.execution.rpartition("/")
        owner = f"{parent}{slash}{written}"
        return owner if _OWNER.match(written) and owner != record.execution else ""

    def _adopt(self, held: StoredRecord, owner: str) -> Build:
        """Follows this execution from now on."""
        if held.record.stopping:
            self._service.stop(owner)
        self._ledger.replace(held, msgspec.structs.replace(held.record, execution=owner))
        return self._progressed(held.record.build)

    def _begin(self, held: StoredRecord) -> Build:
        build = held.record.build
        if build.state is State.RUNNING:
            return build
        build = lifecycle.running(build, now=self._clock.now())
        self._ledger.replace(held, msgspec.structs.replace(held.record, build=build))
        return build

    def _progressed(self, build: Build) -> Build:
        progress = self._document(build, "progress", JobProgress)
        return lifecycle.progressed(build, progress) if progress else build

    def _document(self, build: Build, name: str, kind: type[T]) -> T | None:
        """Returns None for an unreadable document: the build service's own state then says how the build ended."""
        body = self._ledger.document(build.id, name)
        try:
            return decode_json(body, kind) if body else None
        except Undecodable as error:
            _log.warning("the %s of build %s cannot be read: %s", name, build.id, error)
            return None

    def _conclude(self, held: StoredRecord, result: JobResult | None, execution: Execution | None = None) -> Build:
        """`execution`: the service's answer, None if it was not asked or does not know the build."""
        build, now = held.record.build, self._clock.now()
        if result is None or held.record.stopping:
            build = self._progressed(build)
        elif build.started_at is None:
            build = lifecycle.running(build, now=now)
        stop = lifecycle.CANCEL if held.record.stopping else None
        silence = partial(_silence, execution)
        return self._end(held, lifecycle.conclude(build, result=result, stop=stop, silence=silence, now=now))

    def _end(self, held: StoredRecord, build: Build) -> Build:
        """Stores the end of a build. Returns the stored end if another reader was first."""
        written = self._ledger.replace(held, msgspec.structs.replace(held.record, build=build))
        self._ledger.close(build)
        if written is None:
            newer = self._ledger.get(build.id)
            if newer and newer.record.build.state.ended:
                return newer.record.build
        return build


def _silence(execution: Execution | None) -> Ending:
    """How a build without a result ended, according to the build service."""
    if execution is None:
        return lifecycle.lost("the job ended without a result: the build service no longer knows the build")
    if execution.state == "stopped":
        return lifecycle.CANCEL
    if execution.state == "timed_out":
        message = "the build service stopped the build after its timeout"
        return Ending(state=State.TIMED_OUT, code=Code.TIMED_OUT, message=message)
    reason = execution.reason or "the build service says no more"
    return lifecycle.lost(f"the job ended without a result: {reason}")
