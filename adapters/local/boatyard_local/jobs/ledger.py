"""Stores the records of all builds in memory and on disk."""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from boatyard.build import BuildId, State
from boatyard.context import Context
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.lifecycle import queued
from boatyard.ports import Clock, Scope
from boatyard_buildkit.removal import remove
from boatyard_local import durable
from boatyard_local.jobs.loading import Loading
from boatyard_local.jobs.record import FolderRecord
from boatyard_local.removals import Removals
from boatyard_local.state import BuildFolder, StateFolder

_log = logging.getLogger(__name__)
_MOST_STRANGERS: Final = 1000


class FolderLedger:
    """Thread-safe. A record that `add` returned is on disk; later changes may reach the disk after the memory
    (`flush`).

    A build's folder is created by one rename and removed by another, so that no reader ever sees half of one.
    """

    def __init__(self, state: StateFolder, clock: Clock, removals: Removals) -> None:
        self._state = state
        self._clock = clock
        self._removals = removals
        self._records: dict[str, FolderRecord] = {}
        self._latest: dict[str, str] = {}
        self._ended: dict[str, float] = {}
        """When this server observed the ends of builds, by the monotonic clock."""
        self._coming: Counter[Scope] = Counter()
        """How many builds `add` is currently writing."""
        self._unsaved: set[str] = set()
        self._failing = False
        self._flushing = threading.Lock()
        self._number = 0
        self.lock = threading.RLock()
        """Held briefly by every change of a record, and never during disk access."""

    def load(self) -> list[FolderRecord]:
        """Reads everything; returns builds that have not ended, oldest first. Tolerates any other contents of the
        folder."""
        found = Loading(self._state, self._removals).records(self._clock.now())
        with self.lock:
            for record in found:
                self._put(record)
        return [record for record in found if not record.build.state.ended]

    def add(self, job: BuildJob, now: float, admit: Callable[[Counter[Scope]], None]) -> FolderRecord:
        """Adds a build in state QUEUED. Raises DISK_FULL or DATAPLANE_UNAVAILABLE, and then leaves nothing behind.

        `admit` receives the number of waiting builds by project, and raises if this build exceeds a limit.
        """
        scope = Scope(job.project, job.domain)
        with self.lock:
            admit(self._waiting() + self._coming)
            self._coming[scope] += 1
            self._number += 1
            record = FolderRecord.of(self._number, queued(job, now=now), job)
        try:
            self._write(job, record)
        except BaseException:
            with self.lock:
                self._coming[scope] -= 1
            raise
        with self.lock:
            self._coming[scope] -= 1
            self._put(record)
        return record

    def free_attempt(self, tag: str, wanted: int) -> int:
        """The first attempt from `wanted` on whose folder is free. Removes folders of unknown builds, and skips those
        that cannot be removed, because they must not block the image."""
        for attempt in range(wanted, wanted + _MOST_STRANGERS):
            path = self._state.build(str(BuildId(tag, attempt))).path
            if self.get(path.name) is not None:
                continue  # a remembered attempt, older than a removed later one
            if not os.path.lexists(path) or self._removals.discard(path):
                return attempt
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE, f"the folders of {tag} in {self._state.builds} cannot be removed"
        )

    def update(self, record: FolderRecord) -> None:
        """Changes the record in memory immediately, and on disk with the next `flush`."""
        with self.lock:
            self._records[record.build.id] = record
            self._unsaved.add(record.build.id)
            if record.build.state.ended:
                self._ended.setdefault(record.build.id, self._clock.monotonic())

    def flush(self) -> bool:
        """Writes all changes. Returns False if the disk did not accept all of them; then call it again later."""
        with self._flushing:  # otherwise an older record could overwrite a newer one
            with self.lock:
                unsaved = [self._records[build_id] for build_id in self._unsaved if build_id in self._records]
                self._unsaved.clear()
            failed = [record.build.id for record in unsaved if not self._save(record)]
            with self.lock:
                self._unsaved.update(failed)
            self._failing = bool(failed)
            return not failed

    def get(self, build_id: str) -> FolderRecord | None:
        with self.lock:
            return self._records.get(build_id)

    def latest(self, tag: str) -> FolderRecord | None:
        with self.lock:
            return self._records.get(self._latest.get(tag, ""))

    def seconds_since_end(self, build_id: str) -> float | None:
        """Seconds since a build's end that this server observed, independent of changes of the system time."""
        with self.lock:
            ended = self._ended.get(build_id)
        return None if ended is None else self._clock.monotonic() - ended

    def newest_first(self) -> tuple[list[FolderRecord], int]:
        """All records, and the highest number so far."""
        with self.lock:
            return sorted(self._records.values(), key=_number, reverse=True), self._number

    def remove(self, build_id: str) -> None:
        """Forgets an ended build. Its folder disappears atomically."""
        with self.lock:
            record = self._records.pop(build_id, None)
            self._unsaved.discard(build_id)
            self._ended.pop(build_id, None)
            if record and self._latest.get(record.build.build_tag) == build_id:
                del self._latest[record.build.build_tag]
        self._removals.discard(self._state.build(build_id).path)

    def unended(self) -> Iterator[FolderRecord]:
        with self.lock:
            records = list(self._records.values())
        return (record for record in records if not record.build.state.ended)

    def context_bytes(self, but: Context) -> Counter[Scope]:
        """The context bytes of builds that have not ended, by project, without `but`."""
        read = {(r.scope, r.context): r.context_bytes for r in self.unended() if r.context not in ("", but.sha256)}
        total: Counter[Scope] = Counter()
        for (scope, _), size in read.items():
            total[scope] += size
        return total

    def _waiting(self) -> Counter[Scope]:
        queued = (record for record in self._records.values() if record.build.state is State.QUEUED)
        return Counter(record.scope for record in queued)

    def _write(self, job: BuildJob, record: FolderRecord) -> None:
        folder = self._state.build(job.id)
        making = BuildFolder(durable.hidden(folder.path))
        with durable.refusing(self._state.builds):
            try:
                making.path.mkdir(durable.PRIVATE_FOLDER)
                durable.create(making.job, msgspec.json.encode(job))
                durable.create(making.record, msgspec.json.encode(record))
                os.rename(making.path, folder.path)  # noqa: PTH104 - refuses a folder that holds a build
                making = folder
                durable.sync_folder(self._state.builds)
            except OSError:
                remove(making.path)
                raise

    def _save(self, record: FolderRecord) -> bool:
        try:
            durable.write(self._state.build(record.build.id).record, msgspec.json.encode(record))
        except BoatyardError as error:
            if not self._failing:
                _log.warning("the record of build %s is not on the disk yet: %s", record.build.id, error)
            return False
        except Exception:
            # A retry cannot help, because the disk is not the cause; after a restart, the job's files show the end.
            _log.exception("the record of build %s cannot be written", record.build.id)
        return True

    def _put(self, record: FolderRecord) -> None:
        tag = record.build.build_tag
        self._records[record.build.id] = record
        self._number = max(self._number, record.number)
        latest = self._records.get(self._latest.get(tag, ""))
        if latest is None or latest.build.attempt < record.build.attempt:
            self._latest[tag] = record.build.id


def _number(record: FolderRecord) -> int:
    return record.number
