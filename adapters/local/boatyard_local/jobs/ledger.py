"""All builds that are known: in memory to be asked, on disk to be found again."""

import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec

from boatyard.build import Build, State
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.lifecycle import queued
from boatyard_local import durable
from boatyard_local.jobs.process import is_locked
from boatyard_local.jobs.record import Record, read
from boatyard_local.state import BuildFolder, StateFolder

_log = logging.getLogger(__name__)
_ID: Final = re.compile(r"[0-9a-f]{32}-[1-9][0-9]*\Z")


class Ledger:
    """Thread-safe. What `add` returned is on the disk; `save` may come later to it than to memory.

    A build appears on the disk by one rename of a complete folder, and goes by another: there is no
    moment in which half of one could be met.
    """

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._records: dict[str, Record] = {}
        """In the order of their numbers."""
        self._latest: dict[str, str] = {}
        self._unsaved: set[str] = set()
        self._failing = False
        self._flushing = threading.Lock()
        self._number = 0
        self.lock = threading.RLock()
        """Held for the short steps of all who change a record; never while a write is waited for."""

    def load(self) -> list[Record]:
        """Read everything; returns what has not ended, oldest first."""
        durable.make_folder(self._state.builds)
        found: list[Record] = []
        for path in self._state.builds.iterdir():
            if path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)
            elif record := self._read(BuildFolder(path)):
                found.append(record)
        found.sort(key=lambda record: record.number)
        with self.lock:
            for record in found:
                self._put(record)
        return [record for record in found if not record.build.state.ended]

    def add(self, job: BuildJob, now: float) -> Record:
        """A new build, QUEUED. Raises DISK_FULL or DATAPLANE_UNAVAILABLE, and nothing is left then."""
        with self.lock:
            self._number += 1
            record = Record.of(self._number, queued(job, now=now), job)
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
                shutil.rmtree(making.path, ignore_errors=True)
                raise
        with self.lock:
            self._put(record)
        return record

    def update(self, record: Record) -> None:
        """Known to all at once, and on the disk as soon as that takes it (`flush`)."""
        with self.lock:
            self._records[record.build.id] = record
            self._unsaved.add(record.build.id)

    def flush(self) -> bool:
        """Write what has changed. False if the disk did not take all of it; then call again later."""
        with self._flushing:  # or an older record could overtake a newer one
            with self.lock:
                unsaved = [self._records[build_id] for build_id in self._unsaved if build_id in self._records]
                self._unsaved.clear()
            failed = [record.build.id for record in unsaved if not self._save(record)]
            with self.lock:
                self._unsaved.update(failed)
            self._failing = bool(failed)
            return not failed

    def _save(self, record: Record) -> bool:
        try:
            durable.write(self._state.build(record.build.id).record, msgspec.json.encode(record))
        except BoatyardError as error:
            if not self._failing:
                _log.warning("the record of build %s is not on the disk yet: %s", record.build.id, error)
            return False
        return True

    def get(self, build_id: str) -> Record | None:
        with self.lock:
            return self._records.get(build_id)

    def latest(self, tag: str) -> Record | None:
        with self.lock:
            return self._records.get(self._latest.get(tag, ""))

    def newest_first(self) -> tuple[list[Record], int]:
        """All records, and the highest number given so far."""
        with self.lock:
            return list(reversed(self._records.values())), self._number

    def queued(self) -> int:
        with self.lock:
            return sum(record.build.state is State.QUEUED for record in self._records.values())

    def remove(self, build_id: str) -> None:
        """Forget a build that has ended. Its folder goes in one step, too."""
        folder = self._state.build(build_id)
        with self.lock:
            record = self._records.pop(build_id, None)
            self._unsaved.discard(build_id)
            if record and self._latest.get(_tag(record.build)) == build_id:
                del self._latest[_tag(record.build)]
        with suppress(OSError):
            leaving = durable.hidden(folder.path)
            folder.path.rename(leaving)
            shutil.rmtree(leaving, ignore_errors=True)

    def unended(self) -> Iterator[Record]:
        with self.lock:
            records = list(self._records.values())
        return (record for record in records if not record.build.state.ended)

    def _put(self, record: Record) -> None:
        self._records[record.build.id] = record
        self._latest[_tag(record.build)] = record.build.id
        self._number = max(self._number, record.number)

    def _read(self, folder: BuildFolder) -> Record | None:
        record = read(folder.record, Record)
        if record is not None and record.build.id == folder.path.name:
            return record
        job = read(folder.job, BuildJob)
        if job is None or job.id != folder.path.name:
            if _ID.match(folder.path.name) and not is_locked(folder):
                _log.warning("build %s cannot be read any more; it is removed", folder.path.name)
                shutil.rmtree(folder.path, ignore_errors=True)  # or nobody could take its number again
            else:
                _log.warning("builds/%s is no build; it is left alone", folder.path.name)
            return None
        # Only a damaged disk leads here. Taken for a job that was started: its lock and its result tell
        # the rest, and at worst it is ERRORED and can be built again.
        self._number += 1
        build = queued(job, now=folder.path.stat().st_mtime)
        return Record.of(self._number, msgspec.structs.replace(build, state=State.RUNNING), job)


def _tag(build: Build) -> str:
    return build.id.rpartition("-")[0]
