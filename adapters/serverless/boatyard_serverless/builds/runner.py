"""Implements the JobRunner port with a cloud's build service; records and the lock are in a bucket.

    record created  ->  announced  ->  BuildService.start  ->  record replaced, with the execution's id

A function that dies in between leaves a record without an execution. The next function that reads it takes it over by a
conditional write and starts the same build: the same id, and a job that runs only once.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

import msgspec

from boatyard import lifecycle
from boatyard.attempts import Join, decide
from boatyard.build import Build, BuildId, State
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.ports import BuildPage, BuildQuery, Clock, Ensured, LogPage, Scope
from boatyard.settings import Settings
from boatyard.shares import admit, room
from boatyard_serverless.builds import log
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.record import BucketRecord, StoredRecord
from boatyard_serverless.builds.tracker import BuildTracker
from boatyard_serverless.ports import Bucket, BuildService

_TRIES: Final = 8
_AT_ONCE: Final = 8
_MOST_SCANNED: Final = 500
"""How many builds one list request examines; then it returns a page token."""


class ServiceJobRunner:
    """Implements `boatyard.ports.JobRunner`. Thread-safe; any number of functions may share a bucket."""

    def __init__(self, bucket: Bucket, service: BuildService, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._ledger = BucketLedger(bucket)
        self._service = service
        self._tracker = BuildTracker(self._ledger, service, clock)

    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        hold = self._settings.limits.failure_hold_seconds
        for _ in range(_TRIES):
            now = self._clock.now()
            latest, is_started = self._newest(tag)
            decision = decide(latest, now=now, hold_seconds=hold, force=force)
            if isinstance(decision, Join):
                return Ensured(decision.build, True, is_started or self._is_started(decision.build))
            made = job(decision.attempt)
            self._admit(Scope(made.project, made.domain))
            held = self._ledger.create(self._record(made, now))
            if held is not None:
                try:
                    self._ledger.announce(held.record.build)
                except BoatyardError:
                    # Otherwise a redelivered message would join this record, and nothing would start it.
                    self._tracker.release(held)
                    raise
                return self._tracker.start(held)
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"too many others start {tag} at the same time")

    def status(self, build_id: str) -> Build | None:
        held = self._ledger.get(build_id)
        return self._tracker.observe(held) if held else None

    def latest(self, tag: str) -> Build | None:
        return self._newest(tag)[0]

    def _newest(self, tag: str) -> tuple[Build | None, bool]:
        """The newest build, and whether its execution was known before this look."""
        attempt = self._ledger.attempts(tag)
        held = self._ledger.get(str(BuildId(tag, attempt))) if attempt else None
        if attempt and held is None:
            return _lost(tag, attempt), True
        return (self._tracker.observe(held), bool(held.record.execution)) if held else (None, False)

    def _is_started(self, build: Build) -> bool:
        held = None if build.state.ended else self._ledger.get(build.id)
        return held is None or bool(held.record.execution)

    def logs(self, build_id: str, cursor: str) -> LogPage | None:
        held = self._ledger.get(build_id)
        return log.page(self._service, held.record, cursor, now=self._clock.now()) if held else None

    def cancel(self, build_id: str) -> Build | None:
        for _ in range(_TRIES):
            held = self._ledger.get(build_id)
            if held is None:
                return None
            seen = self._tracker.observe(held)
            if seen.state.ended:
                return seen
            held = self._ledger.get(build_id) or held
            if done := self._cancelled(held):
                return done
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{build_id} changes while it is cancelled; try again")

    def list(self, query: BuildQuery) -> BuildPage:
        builds: list[Build] = []
        token = ""
        entries = self._ledger.newest_first(query, page=min(max(query.page_size + 1, 50), 1000))
        scanned = 0
        while chunk := tuple(islice(entries, max(_AT_ONCE, query.page_size - len(builds) + 1))):
            for (place, _), build in zip(chunk, self._all(chunk), strict=True):
                scanned += 1
                if build is None or not query.asks_for(build):
                    continue
                if len(builds) == query.page_size:
                    return BuildPage(tuple(builds), token)
                builds.append(build)
                token = place
            if scanned >= _MOST_SCANNED:
                return BuildPage(tuple(builds), chunk[-1][0])
        return BuildPage(tuple(builds), "")

    def _all(self, chunk: tuple[tuple[str, str], ...]) -> tuple[Build | None, ...]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(pool.map(lambda entry: self.status(entry[1]), chunk))

    def _cancelled(self, held: StoredRecord) -> Build | None:
        """Returns None if the record has changed since it was read."""
        record, now = held.record, self._clock.now()
        if record.build.state is State.RUNNING:
            marked = self._ledger.replace(held, msgspec.structs.replace(record, stopping=True))
        else:
            build = lifecycle.ended(record.build, lifecycle.CANCEL, now=now)
            marked = self._ledger.replace(held, msgspec.structs.replace(record, build=build))
        if marked is None:
            return None
        self._tracker.stop(marked)
        return marked.record.build

    def _admit(self, scope: Scope) -> None:
        """Counts open builds, because a build service reports late which builds wait and which run."""
        limits, taken = self._settings.limits, self._ledger.open()
        try:
            admit(scope, limits, unended=Counter(whose for whose, _ in taken))
        except BoatyardError:
            # Some may have ended unobserved. Builds of other projects matter only if they fill the whole limit.
            looked_at = [each for each in taken if each[0] == scope or len(taken) >= room(limits)]
            ended = {name for _, name in looked_at if (b := self.status(name)) is None or b.state.ended}
            if not ended:
                raise
            admit(scope, limits, unended=Counter(whose for whose, name in taken if name not in ended))

    def _record(self, job: BuildJob, now: float) -> BucketRecord:
        return BucketRecord(
            build=lifecycle.queued(job, now=now),
            job=job,
            buildkit_uri=self._settings.buildkit_uri,
            buildkit=self._settings.buildkit,
            authentication_type=self._settings.authentication_type,
            claimed_at=now,
        )


def _lost(tag: str, attempt: int) -> Build:
    """The build of an unreadable record: it has ended, and the next attempt has another number."""
    nobody = Build(
        id=str(BuildId(tag, attempt)),
        key="",
        attempt=attempt,
        target="",
        project="",
        domain="",
        platforms=(),
        state=State.RUNNING,
        created_at=0,
    )
    return lifecycle.ended(nobody, lifecycle.lost("the build's record is damaged"), now=0)
