"""Implements the JobRunner port with processes and files."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from boatyard import lifecycle, paging
from boatyard.attempts import Join, decide
from boatyard.build import Build, State
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.ports import BuildPage, BuildQuery, Clock, Ensured, LogPage, Scope
from boatyard.settings import Limits
from boatyard.shares import admit, may_hold
from boatyard_local.jobs.ledger import FolderLedger
from boatyard_local.jobs.log_page import read_page
from boatyard_local.jobs.process import Argv
from boatyard_local.jobs.record import FolderRecord, read_progress, read_result
from boatyard_local.jobs.retention import Retention
from boatyard_local.jobs.scheduler import JobPatience, Scheduler
from boatyard_local.jobs.standby import Standby
from boatyard_local.jobs.tag_locks import TagLocks
from boatyard_local.removals import Removals
from boatyard_local.state import StateFolder

_RETRY_AFTER_SECONDS: Final = 10


class LocalJobRunner:
    """`open` recovers an earlier server's builds; `close` leaves the jobs running.

    Only one runner may use a state folder at a time; `serving` ensures that with server.lock.
    """

    def __init__(
        self,
        state: StateFolder,
        clock: Clock,
        *,
        argv: Argv,
        limits: Limits | None = None,
        patience: JobPatience | None = None,
        retention: Retention | None = None,
    ) -> None:
        self._state = state
        self._clock = clock
        self._limits = limits or Limits()
        self._retention = retention or Retention()
        self._removals = Removals(state.removing)
        self._ledger = FolderLedger(state, clock, self._removals)
        self._scheduler = Scheduler(
            state,
            self._ledger,
            clock,
            self._removals,
            argv=argv,
            standby=Standby(),
            limits=self._limits,
            patience=patience or JobPatience(),
            on_ended=self.prune,
        )
        self._asked = TagLocks()
        """Allows one `ensure` of a tag at a time, including its disk writes, so that concurrent requests create exactly
        one build."""

    def open(self) -> "LocalJobRunner":
        self._removals.start()
        self._scheduler.recover(self._ledger.load())
        self._scheduler.start()
        return self

    def close(self) -> None:
        self._scheduler.close()
        self._removals.close()

    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        with self._asked.held(tag):
            hold = self._limits.failure_hold_seconds
            decision = decide(self.latest(tag), now=self._now(tag), hold_seconds=hold, force=force)
            if isinstance(decision, Join):
                return Ensured(decision.build, True)
            attempt = self._ledger.free_attempt(tag, decision.attempt)
            made = job(attempt)
            record = self._ledger.add(made, self._clock.now(), lambda waiting: self._admit(made, waiting))
        self._scheduler.enqueue(record)
        return Ensured(record.build, False)

    def status(self, build_id: str) -> Build | None:
        record = self._ledger.get(build_id)
        return self._seen(record) if record else None

    def latest(self, tag: str) -> Build | None:
        record = self._ledger.latest(tag)
        return self._seen(record) if record else None

    def logs(self, build_id: str, cursor: str) -> LogPage | None:
        record = self._ledger.get(build_id)
        if record is None:
            return None
        return read_page(self._state.build(build_id).log, cursor, ended=record.build.state.ended)

    def cancel(self, build_id: str) -> Build | None:
        # Read without the lock, because a disk may be slow. A job with a result has ended, even if it was not observed
        # yet.
        result = read_result(self._state.build(build_id)) if self._ledger.get(build_id) else None
        with self._ledger.lock:
            record = self._ledger.get(build_id)
            if record is None:
                return None
            if record.build.state is State.QUEUED:
                build = lifecycle.ended(record.build, lifecycle.CANCEL, now=self._clock.now())
                record = msgspec.structs.replace(record, build=build)
                self._ledger.update(record)
            elif not record.build.state.ended and record.ending is not State.CANCELLED and result is None:
                record = msgspec.structs.replace(record, ending=State.CANCELLED)
                self._ledger.update(record)
        self._ledger.flush()
        self._scheduler.wake()
        return self._seen(record)

    def list(self, query: BuildQuery) -> BuildPage:
        """All states are from the same moment: a page never shows more running builds than there are."""
        records, _ = self._ledger.newest_first()
        page = paging.page([record.build for record in records], query)
        by_id = {record.build.id: record for record in records}
        return BuildPage(tuple(self._seen(by_id[build.id]) for build in page.builds), page.next_page_token)

    def contexts(self) -> frozenset[str]:
        """The contexts that unended builds read, now or later."""
        return frozenset(record.context for record in self._ledger.unended() if record.context)

    def prune(self) -> None:
        """Removes ended builds according to the retention."""
        records, _ = self._ledger.newest_first()
        for record in self._retention.outdated(records, now=self._clock.now()):
            self._ledger.remove(record.build.id)

    def _now(self, tag: str) -> float:
        """The time for the hold after a failure: by the monotonic clock, if this server observed the build's end."""
        record = self._ledger.latest(tag)
        passed = self._ledger.seconds_since_end(record.build.id) if record else None
        if record is None or passed is None or record.build.finished_at is None:
            return self._clock.now()
        return record.build.finished_at + passed

    def _admit(self, job: BuildJob, waiting: Counter[Scope]) -> None:
        scope = Scope(job.project, job.domain)
        admit(scope, self._limits, queued=waiting)
        room = self._limits.context_store_bytes
        if not room or job.context is None:
            return
        read = self._ledger.context_bytes(job.context.context)
        if not may_hold(room, 0, own=read[scope], everybody=read.total()):
            raise BoatyardError(
                Code.TOO_MANY_BUILDS,
                f"the contexts of {scope.project}/{scope.domain}'s builds that wait or run take {read[scope]:,} bytes, "
                f"which is its share of the {room:,} of limits.contextStoreBytes",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )

    def _seen(self, record: FolderRecord) -> Build:
        if record.build.state is not State.RUNNING:
            return record.build
        progress = read_progress(self._state.build(record.build.id))
        return lifecycle.progressed(record.build, progress) if progress else record.build
