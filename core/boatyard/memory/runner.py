"""An in-memory runner whose jobs a test plays."""

import threading
from collections import Counter
from collections.abc import Callable

from boatyard import lifecycle, paging
from boatyard.attempts import Join, decide
from boatyard.build import Build, State
from boatyard.job import BuildJob, JobProgress, JobResult
from boatyard.ports import BuildPage, BuildQuery, Clock, Ensured, LogPage, Scope
from boatyard.settings import Limits
from boatyard.shares import admit

_LINES_A_PAGE = 1000


class MemoryJobRunner:
    """The port, and methods that play a job: `begin`, `progress`, `log`, `finish`."""

    def __init__(self, clock: Clock, limits: Limits | None = None) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._builds: dict[str, Build] = {}
        """Builds in the order in which they were requested."""
        self._jobs: dict[str, BuildJob] = {}
        self._logs: dict[str, list[str]] = {}
        self._latest: dict[str, str] = {}
        self._lock = threading.RLock()

    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        with self._lock:
            hold = self._limits.failure_hold_seconds
            decision = decide(self.latest(tag), now=self._clock.now(), hold_seconds=hold, force=force)
            if isinstance(decision, Join):
                return Ensured(decision.build, True)
            made = job(decision.attempt)
            waiting = Counter(Scope(b.project, b.domain) for b in self._builds.values() if b.state is State.QUEUED)
            admit(Scope(made.project, made.domain), self._limits, queued=waiting)
            build = lifecycle.queued(made, now=self._clock.now())
            self._builds[build.id] = build
            self._jobs[build.id] = made
            self._logs[build.id] = []
            self._latest[tag] = build.id
            return Ensured(build, False)

    def status(self, build_id: str) -> Build | None:
        with self._lock:
            return self._builds.get(build_id)

    def latest(self, tag: str) -> Build | None:
        with self._lock:
            return self._builds.get(self._latest.get(tag, ""))

    def logs(self, build_id: str, cursor: str) -> LogPage | None:
        with self._lock:
            build = self._builds.get(build_id)
            if build is None:
                return None
            lines = self._logs[build_id]
            start = paging.position(cursor, field="cursor", largest=len(lines))
            end = min(start + _LINES_A_PAGE, len(lines))
            done = build.state.ended and end == len(lines)
            return LogPage(tuple(lines[start:end]), str(end), done)

    def cancel(self, build_id: str) -> Build | None:
        with self._lock:
            build = self._builds.get(build_id)
            if build is None or build.state.ended:
                return build
            self._builds[build_id] = lifecycle.ended(build, lifecycle.CANCEL, now=self._clock.now())
            return self._builds[build_id]

    def list(self, query: BuildQuery) -> BuildPage:
        with self._lock:
            builds = list(self._builds.values())
        return paging.page(builds[::-1], query)

    def job(self, build_id: str) -> BuildJob:
        with self._lock:
            return self._jobs[build_id]

    def begin(self, build_id: str) -> Build:
        return self._replace(build_id, lambda build: lifecycle.running(build, now=self._clock.now()))

    def progress(self, build_id: str, progress: JobProgress) -> Build:
        return self._replace(build_id, lambda build: lifecycle.progressed(build, progress))

    def log(self, build_id: str, *lines: str) -> None:
        with self._lock:
            self._logs[build_id].extend(lines)

    def finish(self, build_id: str, result: JobResult | None) -> Build:
        """Ends the job with `result`, or without one, as after a kill."""
        now = self._clock.now()
        return self._replace(
            build_id,
            lambda build: lifecycle.conclude(
                build,
                result=result,
                stop=None,  # here a cancel ends a build immediately
                silence=lambda: lifecycle.lost("the job ended without a result"),
                now=now,
            ),
        )

    def _replace(self, build_id: str, change: Callable[[Build], Build]) -> Build:
        with self._lock:
            if self._builds[build_id].state is State.CANCELLED:
                return self._builds[build_id]  # its job may continue for a while, but its result is ignored
            if self._builds[build_id].state.ended:
                raise RuntimeError(f"{build_id} has ended")
            self._builds[build_id] = change(self._builds[build_id])
            return self._builds[build_id]
