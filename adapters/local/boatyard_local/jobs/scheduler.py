"""Starts queued builds, watches running ones and records their ends, all in one thread."""

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from boatyard import lifecycle
from boatyard.build import Build, State
from boatyard.errors import Code
from boatyard.lifecycle import Ending
from boatyard.ports import Clock, Scope
from boatyard.settings import Limits
from boatyard_local import durable
from boatyard_local.jobs import log_page
from boatyard_local.jobs.ending import conclude
from boatyard_local.jobs.ledger import FolderLedger
from boatyard_local.jobs.process import Argv, JobProcess, is_locked, read_pid
from boatyard_local.jobs.queue import FairQueue
from boatyard_local.jobs.record import FolderRecord, read_result
from boatyard_local.jobs.standby import Standby
from boatyard_local.removals import Removals
from boatyard_local.state import StateFolder

_log = logging.getLogger(__name__)
_UNFORESEEN: Final = "an unforeseen error of the server ended the build; the server's log has more"


class JobPatience(msgspec.Struct, frozen=True, kw_only=True):
    """Time limits in seconds."""

    deadline: float = 30.0
    """The time beyond a job's own timeout in which it can end by itself, because its own report is more detailed."""
    kill: float = 10.0
    """The time from SIGTERM to SIGKILL, and from that until the scheduler gives up on an unkillable process."""
    look: float = 0.25
    """The time between two polls of running jobs. The end of a job is noticed immediately."""
    trouble: float = 30.0
    """How long polling a job may fail before its build is given up."""


class Watched:
    """A running job, as the scheduler's thread sees it. Times are monotonic."""

    def __init__(self, process: JobProcess, scope: Scope, deadline: float) -> None:
        self.process = process
        self.scope = scope
        self.deadline = deadline
        self.stopped: float | None = None
        """The time of SIGTERM."""
        self.killed: float | None = None
        """The time of SIGKILL."""
        self.troubled: float | None = None
        """Since when every poll has failed."""


class Scheduler:
    """Any error of one build ends only that build."""

    def __init__(
        self,
        state: StateFolder,
        ledger: FolderLedger,
        clock: Clock,
        removals: Removals,
        *,
        argv: Argv,
        standby: Standby,
        limits: Limits,
        patience: JobPatience,
        on_ended: Callable[[], None],
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._clock = clock
        self._removals = removals
        self._argv = argv
        self._standby = standby
        self._concurrent = limits.concurrent_builds
        self._patience = patience
        self._on_ended = on_ended
        self._queue = FairQueue(limits)
        self._running: dict[str, Watched] = {}
        self._news = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="boatyard-scheduler", daemon=True)

    def recover(self, unended: list[FolderRecord]) -> None:
        """Call it before `start`: it queues builds that had not started, and adopts running jobs."""
        for record in unended:
            try:
                self._recover(record)
            except Exception:
                _log.exception("build %s of an earlier server cannot be followed", record.build.id)
                self._fail(record)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stops polling; the jobs continue."""
        self._closed = True
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self._standby.close()

    def enqueue(self, record: FolderRecord) -> None:
        self._queue.put(record.scope, record.build.id)
        self._news.set()

    def wake(self) -> None:
        self._news.set()

    def _recover(self, record: FolderRecord) -> None:
        folder = self._state.build(record.build.id)
        begun = record.build.state is State.RUNNING or is_locked(folder) or read_pid(folder) is not None
        if not begun:
            self._queue.put(record.scope, record.build.id)
            return
        if record.build.state is not State.RUNNING:
            record = _running(record, self._clock.now())
            self._ledger.update(record)
        _log.info("build %s was started by an earlier server", record.build.id)
        # Negative after a reboot; then no job exists whose deadline could matter.
        gone = max(0.0, time.monotonic() - (record.started_monotonic or time.monotonic()))
        self._watch(record, JobProcess.adopt(folder), gone)

    def _run(self) -> None:
        while not self._closed:
            self._news.clear()
            try:
                saved = self._step()
            except Exception:
                _log.exception("unforeseen error in the scheduler")
                saved = False
            idle = saved and not self._running
            self._news.wait(None if idle else self._patience.look)
        self._ledger.flush()

    def _step(self) -> bool:
        for build_id, watched in list(self._running.items()):
            self._look(build_id, watched)
        while len(self._running) < self._concurrent:
            running = Counter(watched.scope for watched in self._running.values())
            waiting = self._queue.take(running)
            if waiting is None:
                break
            self._begin(waiting)
        return self._ledger.flush()

    def _begin(self, build_id: str) -> None:
        with self._ledger.lock:
            record = self._ledger.get(build_id)
            if record is None or record.build.state is not State.QUEUED:
                return  # cancelled while it was queued
            record = _running(record, self._clock.now())
            self._ledger.update(record)
        folder = self._state.build(build_id)
        try:
            process = JobProcess.start(folder, self._argv(folder, record.build), self._standby)
        except OSError as error:
            refusal = durable.refusal(error, folder.path)
            code = Code.DISK_FULL if refusal.code == Code.DISK_FULL else Code.BUILDER_LOST
            self._fail(record, code, f"the job could not be started: {refusal.detail}")
            return
        except Exception:
            _log.exception("build %s could not be started", build_id)
            self._fail(record)
            return
        _log.info("build %s started", build_id)
        self._watch(record, process, 0)

    def _watch(self, record: FolderRecord, process: JobProcess, gone: float) -> None:
        """`gone`: seconds since its start."""
        build_id = record.build.id
        deadline = time.monotonic() + record.timeout_seconds + self._patience.deadline - gone
        self._running[build_id] = Watched(process, record.scope, deadline)

        def wait() -> None:
            try:
                process.wait()
            except Exception:
                _log.exception("build %s cannot be waited for; it is looked at from time to time", build_id)
            self._news.set()

        with suppress(RuntimeError):  # no more threads: the next poll notices its end
            threading.Thread(target=wait, name=f"boatyard-{build_id[:8]}", daemon=True).start()

    def _look(self, build_id: str, watched: Watched) -> None:
        try:
            over = not watched.process.alive() or self._hurry(build_id, watched)
            watched.troubled = None
        except Exception:
            # The error may pass, like a lack of file descriptors, and the job itself may be healthy.
            now = time.monotonic()
            if watched.troubled is None:
                watched.troubled = now
                _log.exception("build %s cannot be looked at", build_id)
            over = now > watched.troubled + self._patience.trouble
        if over:
            self._end(build_id, watched)

    def _hurry(self, build_id: str, watched: Watched) -> bool:
        """Sends SIGTERM to a cancelled or late job, and SIGKILL if it does not end. Returns True if even that failed;
        then the scheduler stops waiting for it."""
        now = time.monotonic()
        with self._ledger.lock:
            record = self._ledger.get(build_id)
            if record is not None and record.ending is None and now > watched.deadline:
                record = msgspec.structs.replace(record, ending=State.TIMED_OUT)
                self._ledger.update(record)
        if record is None or record.ending is None:
            return False
        if watched.stopped is None:
            self._ledger.flush()  # first the reason, then the signal: a reader of the end must know the reason
            watched.stopped = now
            watched.process.signal(signal.SIGTERM)
        elif watched.killed is None and now > watched.stopped + self._patience.kill:
            watched.killed = now
            watched.process.signal(signal.SIGKILL)
        elif watched.killed is not None and now > watched.killed + self._patience.kill:
            watched.process.sweep()
            _log.warning("the job of build %s does not end; it is left behind", build_id)
            return True
        return False

    def _end(self, build_id: str, watched: Watched) -> None:
        del self._running[build_id]
        record = self._ledger.get(build_id)
        build: Build | None = None
        if record is not None:
            try:
                build = self._conclude(record, watched)
            except Exception:
                _log.exception("how build %s ended cannot be found out", build_id)
        # A killed job could not remove its secrets. Whoever reads that the build has ended finds none.
        self._removals.discard(self._state.build(build_id).work)
        if build is not None:
            self._settle(build)
        elif record is not None:
            self._fail(record)
        try:
            self._on_ended()
        except Exception:
            _log.exception("what follows the end of build %s failed", build_id)
        self._standby.prepare()  # who builds will probably build again

    def _conclude(self, record: FolderRecord, watched: Watched) -> Build:
        """Runs without the ledger's lock: reading a result from the disk may take long."""
        folder = self._state.build(record.build.id)
        if watched.troubled is not None:
            watched.process.sweep()
            raise RuntimeError("looking at it has failed for too long")
        if read_result(folder) is None:
            watched.process.sweep()
        started = watched.process.pid is not None
        return conclude(record, folder, started=started, exit=watched.process.exit, now=self._clock.now())

    def _fail(self, record: FolderRecord, code: Code = Code.INTERNAL, message: str = _UNFORESEEN) -> None:
        ending = Ending(state=State.ERRORED, code=code, message=message)
        self._settle(lifecycle.ended(record.build, ending, now=self._clock.now()))

    def _settle(self, build: Build) -> None:
        log_bytes = log_page.size(self._state.build(build.id).log)
        with self._ledger.lock:
            record = self._ledger.get(build.id)
            if record is not None:
                self._ledger.update(msgspec.structs.replace(record, build=build, log_bytes=log_bytes))
        _log.info("build %s ended: %s%s", build.id, build.state, f": {build.error.message}" if build.error else "")


def _running(record: FolderRecord, now: float) -> FolderRecord:
    build = lifecycle.running(record.build, now=now)
    return msgspec.structs.replace(record, build=build, started_monotonic=time.monotonic())
