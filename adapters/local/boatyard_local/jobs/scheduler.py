"""Starts what is queued, watches what runs, writes down how it ended. One thread does all of it."""

import logging
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from boatyard import lifecycle
from boatyard.build import State
from boatyard.ports import Clock
from boatyard_local import durable
from boatyard_local.jobs.ending import conclude
from boatyard_local.jobs.ledger import Ledger
from boatyard_local.jobs.process import Argv, JobProcess, is_locked, read_pid
from boatyard_local.jobs.record import Record
from boatyard_local.state import StateFolder

_log = logging.getLogger(__name__)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    deadline: float = 30.0
    """What a job gets beyond its own timeout, to end by itself and tell more than we can."""
    kill: float = 10.0
    """From SIGTERM to SIGKILL."""
    look: float = 0.25
    """Between two looks at what runs. The end of a job is noticed at once, without them."""


class Watched:
    """A job that runs, as the scheduler's thread sees it. Times are monotonic."""

    def __init__(self, process: JobProcess, deadline: float) -> None:
        self.process = process
        self.deadline = deadline
        self.told: float | None = None
        """When it was sent SIGTERM."""
        self.killed = False


class Scheduler:
    def __init__(
        self,
        state: StateFolder,
        ledger: Ledger,
        clock: Clock,
        *,
        argv: Argv,
        concurrent: int,
        patience: Patience,
        on_ended: Callable[[], None],
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._clock = clock
        self._argv = argv
        self._concurrent = concurrent
        self._patience = patience
        self._on_ended = on_ended
        self._queue: deque[str] = deque()
        self._running: dict[str, Watched] = {}
        self._news = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="boatyard-scheduler", daemon=True)

    def recover(self, unended: list[Record]) -> None:
        """Before `start`: queue again what had not begun, adopt what had."""
        for record in unended:
            folder = self._state.build(record.build.id)
            begun = record.build.state is State.RUNNING or is_locked(folder) or read_pid(folder) is not None
            if not begun:
                self._queue.append(record.build.id)
                continue
            if record.build.state is not State.RUNNING:
                record = _running(record, self._clock.now())
                self._ledger.update(record)
            _log.info("build %s was started by an earlier server", record.build.id)
            gone = self._clock.now() - (record.build.started_at or self._clock.now())
            self._watch(record, JobProcess.adopt(folder), gone)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop looking; the jobs go on."""
        self._closed = True
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def enqueue(self, build_id: str) -> None:
        self._queue.append(build_id)
        self._news.set()

    def wake(self) -> None:
        self._news.set()

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
            if watched.process.alive():
                self._hurry(build_id, watched)
            else:
                self._end(build_id, watched)
        while self._queue and len(self._running) < self._concurrent:
            self._begin(self._queue.popleft())
        return self._ledger.flush()

    def _begin(self, build_id: str) -> None:
        with self._ledger.lock:
            record = self._ledger.get(build_id)
            if record is None or record.build.state is not State.QUEUED:
                return  # cancelled while it waited
            record = _running(record, self._clock.now())
            self._ledger.update(record)
        folder = self._state.build(build_id)
        try:
            process = JobProcess.start(folder, self._argv(folder, record.build))
        except OSError as error:
            refusal = durable.refusal(error, folder.path)
            code = "DISK_FULL" if refusal.code == "DISK_FULL" else "BUILDER_LOST"
            message = f"the job could not be started: {refusal.detail}"
            build = lifecycle.ended(record.build, State.ERRORED, code, message, now=self._clock.now())
            self._ledger.update(msgspec.structs.replace(record, build=build))
            _log.error("build %s: %s", build_id, message)
            return
        _log.info("build %s started", build_id)
        self._watch(record, process, 0)

    def _watch(self, record: Record, process: JobProcess, gone: float) -> None:
        """`gone`: seconds since it started."""
        build_id = record.build.id
        deadline = time.monotonic() + record.timeout_seconds + self._patience.deadline - gone
        self._running[build_id] = Watched(process, deadline)

        def wait() -> None:
            process.wait()
            self._news.set()

        threading.Thread(target=wait, name=f"boatyard-{build_id[:8]}", daemon=True).start()

    def _hurry(self, build_id: str, watched: Watched) -> None:
        """Tell a job to stop if it was cancelled or is late; kill it if it does not listen."""
        now = time.monotonic()
        with self._ledger.lock:
            record = self._ledger.get(build_id)
            if record is not None and record.ending is None and now > watched.deadline:
                record = msgspec.structs.replace(record, ending=State.TIMED_OUT)
                self._ledger.update(record)
        if record is None or record.ending is None:
            return
        if watched.told is None:
            self._ledger.flush()  # first the reason, then the signal: whoever finds the end must know why
            watched.told = now
            watched.process.signal(signal.SIGTERM)
        elif not watched.killed and now > watched.told + self._patience.kill:
            watched.killed = True
            watched.process.signal(signal.SIGKILL)

    def _end(self, build_id: str, watched: Watched) -> None:
        folder = self._state.build(build_id)
        if not folder.result.exists():
            watched.process.sweep()
        # A job that was killed could not remove its secrets.
        shutil.rmtree(folder.work, ignore_errors=True)
        with self._ledger.lock:
            record = self._ledger.get(build_id)
            if record is not None:
                build = conclude(
                    record,
                    folder,
                    started=watched.process.pid is not None,
                    exit=watched.process.exit,
                    now=self._clock.now(),
                )
                self._ledger.update(msgspec.structs.replace(record, build=build))
                _log.info("build %s ended: %s", build_id, build.state)
        del self._running[build_id]
        self._on_ended()


def _running(record: Record, now: float) -> Record:
    return msgspec.structs.replace(record, build=lifecycle.running(record.build, now=now))
