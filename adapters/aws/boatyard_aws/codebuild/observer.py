"""From what CodeBuild and the job tell to what a build is, written down as it becomes known."""

import logging
from typing import Final, TypeVar

import msgspec

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard.job import JobProgress, JobResult
from boatyard.ports import Clock
from boatyard.timespan import lasts
from boatyard_aws.codebuild.ledger import Ledger
from boatyard_aws.codebuild.record import Held, Record
from boatyard_aws.codebuild.starter import Standing, Starter
from boatyard_aws.faults import Fault, fault_of

T = TypeVar("T")

_log = logging.getLogger(__name__)

ABANDONED_SECONDS: Final = 60.0
"""After so long a record without CodeBuild's id is taken over: longer than any StartBuild with its repeats,
shorter than the five minutes for which CodeBuild remembers an idempotency token."""


class Observer:
    def __init__(self, ledger: Ledger, starter: Starter, clock: Clock) -> None:
        self._ledger = ledger
        self._starter = starter
        self._clock = clock

    def start(self, held: Held) -> Build:
        """Starts a record that is ours. A refusal ends it, so that the next request can begin anew.

        When nobody knows whether CodeBuild took it, the record stays, and is taken over after a while.
        """
        try:
            codebuild_id = self._starter.start(held.record)
        except BoatyardError as error:
            cause = error.__cause__
            if isinstance(cause, Exception) and fault_of(cause) is Fault.UNREACHABLE:
                return held.record.build
            build = lifecycle.ended(held.record.build, State.ERRORED, error.code, error.detail, now=self._clock.now())
            self._end(held, build)
            raise
        started = self._ledger.replace(held, msgspec.structs.replace(held.record, codebuild_id=codebuild_id))
        if started is None:
            newer = self._ledger.get(held.record.build.id)
            if newer and newer.record.build.state.ended:  # cancelled while it was being started
                self._starter.stop(codebuild_id)
                return newer.record.build
        return held.record.build

    def stop(self, held: Held) -> None:
        if held.record.codebuild_id:
            self._starter.stop(held.record.codebuild_id)
        if held.record.build.state.ended:
            self._ledger.close(held.record.build)

    def observe(self, held: Held) -> Build:
        """The build as it is now. What is final is written; whoever is second finds it written."""
        record = held.record
        if record.build.state.ended:
            return record.build
        if (result := self._result(record)) is not None:
            return self._finish(held, result)
        if not record.codebuild_id:
            return self._take_over(held)
        standing = self._starter.standing(record.codebuild_id)
        if standing is None:
            return self._lose(held, "CodeBuild no longer knows the build")
        if standing.state == "ended":
            # the result may have been written between the two questions
            result = self._result(record)
            return self._finish(held, result) if result else self._explain(held, standing)
        if standing.state == "running":
            return self._progressed(self._begin(held))
        return record.build

    def _result(self, record: Record) -> JobResult | None:
        return self._document(record.build, "result", JobResult)

    def _take_over(self, held: Held) -> Build:
        now = self._clock.now()
        if lasts(held.record.claimed_at, now, ABANDONED_SECONDS):
            return held.record.build
        ours = self._ledger.replace(held, msgspec.structs.replace(held.record, claimed_at=now))
        if ours is None:
            return held.record.build
        self._ledger.announce(ours.record.build)
        return self.start(ours)

    def _begin(self, held: Held) -> Build:
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
        """One that cannot be read counts as none: CodeBuild's own word for how the build ended is left."""
        body = self._ledger.document(build.id, name)
        try:
            return decode_json(body, kind) if body else None
        except Undecodable as error:
            _log.warning("the %s of build %s cannot be read: %s", name, build.id, error)
            return None

    def _finish(self, held: Held, result: JobResult) -> Build:
        build, now = held.record.build, self._clock.now()
        if build.started_at is None:
            build = lifecycle.running(build, now=now)
        return self._end(held, lifecycle.finished(build, result, now=now))

    def _explain(self, held: Held, standing: Standing) -> Build:
        match standing.status:
            case "STOPPED":
                what = (State.CANCELLED, "CANCELLED", "the build was cancelled")
            case "TIMED_OUT":
                what = (State.TIMED_OUT, "TIMED_OUT", "CodeBuild stopped the build after its timeout")
            case _:
                return self._lose(held, standing.reason or f"CodeBuild says {standing.status} and nothing else")
        now = self._clock.now()
        build = self._progressed(held.record.build)
        return self._end(held, lifecycle.ended(build, *what, now=now))

    def _lose(self, held: Held, why: str) -> Build:
        build = self._progressed(held.record.build)
        message = f"the job ended without a result: {why}"
        return self._end(held, lifecycle.ended(build, State.ERRORED, "BUILDER_LOST", message, now=self._clock.now()))

    def _end(self, held: Held, build: Build) -> Build:
        """The first to see the end writes it; the others answer with what was written."""
        written = self._ledger.replace(held, msgspec.structs.replace(held.record, build=build))
        self._ledger.close(build)
        if written is None:
            newer = self._ledger.get(build.id)
            if newer and newer.record.build.state.ended:
                return newer.record.build
        return build
