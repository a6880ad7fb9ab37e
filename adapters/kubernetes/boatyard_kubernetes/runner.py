"""The JobRunner port on Kubernetes: one Job per build. Its name is the lock, the API server the only state."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final, TypeVar, cast

from boatyard import paging
from boatyard.attempts import Join, decide
from boatyard.backoff import growing
from boatyard.build import Build
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.ports import BuildPage, BuildQuery, Clock, Ensured, LogPage, Scope
from boatyard.settings import Settings
from boatyard.shares import admit
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.facts import lacks_buildkit
from boatyard_kubernetes.jobs import FoundJob, Jobs, rivals
from boatyard_kubernetes.look import Sight, look
from boatyard_kubernetes.pod_log import read_page
from boatyard_kubernetes.recent import Recent
from boatyard_kubernetes.stopping import Stopped
from boatyard_kubernetes.topology import Topology, choose

_TRIES: Final = 12
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 0.8
_PATIENCE: Final = 3
"""Tries after which the leftovers of a dead creator are removed."""
_RETRY_AFTER_SECONDS: Final = 10


Method = TypeVar("Method", bound=Callable[..., Any])


def _in_time(method: Method) -> Method:
    """Gives all requests of the method to the API server one deadline."""

    @wraps(method)
    def within(self: "KubernetesJobRunner", *args: Any, **options: Any) -> Any:
        with self._cluster.in_time():
            return method(self, *args, **options)

    return cast(Method, within)


class KubernetesJobRunner:
    """Stateless, so any number of functions may run it concurrently.

    `fresh_seconds`: how long an answer about a running build is cached. Otherwise many waiting clients would query the
    API server ten times a second.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        clock: Clock,
        *,
        fresh_seconds: float = 1.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._jobs = Jobs(cluster, settings)
        self._has_second = choose(settings) is Topology.DAEMONLESS
        self._recent = Recent(fresh_seconds)
        self._number = 0
        self._lock = threading.Lock()

    @_in_time
    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        """The creator of an attempt's Job has started it; all others get 409, look again, and join."""
        pauses = growing(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        for tried in range(_TRIES):
            jobs = self._jobs.of_tag(tag)
            latest = jobs[0] if jobs else None
            build = self._seen(latest) if latest else None
            hold = self._settings.limits.failure_hold_seconds
            decision = decide(build, now=self._now(), hold_seconds=hold, force=force)
            if isinstance(decision, Join):
                assert latest is not None  # noqa: S101 - joined is what was found
                if self._joined(latest, jobs, decision.build, job, patient=tried < _PATIENCE):
                    return Ensured(decision.build, True)
            else:
                made = job(decision.attempt)
                self._admit(Scope(made.project, made.domain))
                started = self._jobs.start(made, self._next_number(), now=self._now())
                if started is not None:
                    return Ensured(started, False)
            self._pause(next(pauses) * random.uniform(0.2, 1))  # noqa: S311 - not for secrecy
        raise BoatyardError(
            Code.DATAPLANE_UNAVAILABLE,
            f"the Job of {tag} is made and removed again and again, or a Job of that name is not Boatyard's",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )

    @_in_time
    def status(self, build_id: str) -> Build | None:
        if recent := self._recent.get(build_id):
            return recent
        found = self._jobs.of_build(build_id)
        return self._settle(found) if found else None

    @_in_time
    def latest(self, tag: str) -> Build | None:
        jobs = self._jobs.of_tag(tag)
        return self._settle(jobs[0]) if jobs else None

    @_in_time
    def logs(self, build_id: str, cursor: str) -> LogPage | None:
        found = self._jobs.of_build(build_id)
        if found is None:
            return None
        # The end must be known before the log is read, so that nothing more is written.
        found, build = self._follow(found)
        return read_page(self._cluster, self._jobs.pods_with_logs(found), cursor, ended=build.state.ended)

    @_in_time
    def cancel(self, build_id: str) -> Build | None:
        found = self._jobs.of_build(build_id)
        if found is None:
            return None
        found, build = self._follow(found)
        if build.state.ended:
            return build
        stopped = self._cancel(found)
        if (
            self._has_second
            and lacks_buildkit(found.job)
            and (other := self._jobs.of_build(build_id))
            and other.uid != found.uid
        ):
            return self._cancel(other)  # somebody else handed it over meanwhile
        return stopped

    @_in_time
    def list(self, query: BuildQuery) -> BuildPage:
        """Newest first. The API server cannot sort, so all remaining Jobs are read."""
        jobs = self._jobs.all(query.project, query.domain)
        now = self._now()
        builds = [
            self._unless_handed_over(
                found, look(self._cluster, found.job, found.record, pods, now=now, closely=False).build
            )
            for _, found, pods in jobs
            if query.sees(found.record.project, found.record.domain)
        ]
        return paging.page(builds, query)

    def _joined(
        self, found: FoundJob, jobs: Sequence[FoundJob], build: Build, job: Callable[[int], BuildJob], *, patient: bool
    ) -> bool:
        if build.state.ended or not found.suspended:
            return True
        others = rivals(found, jobs)
        if others and not patient:
            for other in others:
                self._jobs.withdraw(other)
        return not others and self._jobs.release(found, job(build.attempt))

    def _seen(self, found: FoundJob) -> Build:
        """The state for a decision, without reading a log."""
        if found.record.state.ended:
            return found.record
        pods = self._jobs.pods(found)
        build = look(self._cluster, found.job, found.record, pods, now=self._now(), closely=False).build
        if self._needs_buildkit(found, build):
            self._jobs.hand_over(found)
        return self._unless_handed_over(found, build)

    def _settle(self, found: FoundJob) -> Build:
        """The build's current state. Stores a new result, and ends a build that has waited for too long."""
        return self._follow(found)[1]

    def _follow(self, found: FoundJob) -> tuple[FoundJob, Build]:
        """The build's current state, and its Job, which is another one if it had none with BuildKit and needs one."""
        if found.record.state.ended:
            return found, found.record
        now = self._now()
        sight = look(self._cluster, found.job, found.record, self._jobs.pods(found), now=now)
        if self._needs_buildkit(found, sight.build) and (second := self._jobs.hand_over(found)):
            return self._follow(second)
        if sight.fresh:
            self._jobs.write_down(found, sight.build)
        elif sight.waits_since is not None and (overdue := self._overdue(sight, sight.waits_since, now)):
            return found, self._stop(found, *overdue) or sight.build
        self._recent.put(sight.build)
        return found, sight.build

    def _needs_buildkit(self, found: FoundJob, build: Build) -> bool:
        """Whether a job without BuildKit ended because a step was left to BuildKit, and another Job has one."""
        left = build.error is not None and build.error.code == Code.UNSUPPORTED and lacks_buildkit(found.job)
        return left and self._has_second

    def _unless_handed_over(self, found: FoundJob, build: Build) -> Build:
        """The build as its second Job begins it, if it needs one."""
        return found.record if self._needs_buildkit(found, build) else build

    def _overdue(self, sight: Sight, since: float, now: float) -> tuple[Code, str] | None:
        """Code and message if it has waited for too long, for anything, or for something that needs a person."""
        most, why = self._settings.kubernetes.start_seconds, sight.why
        if why.patience is not None and now - sight.stuck_since > min(why.patience, most):
            return Code.DATAPLANE_DENIED, f"it cannot start: {why.text}"
        if now - since > most:
            text = why.text or "the cluster gives no reason"
            return Code.DATAPLANE_UNAVAILABLE, f"it waited longer than {most} s to start: {text}"
        return None

    def _cancel(self, found: FoundJob) -> Build | None:
        return self._stop(found, Code.CANCELLED, "the build was cancelled")

    def _stop(self, found: FoundJob, code: Code, message: str) -> Build | None:
        stopped = self._jobs.stop(found, Stopped(code=code, message=message, at=self._now()))
        return self._settle(stopped) if stopped else None

    def _admit(self, scope: Scope) -> None:
        limits = self._settings.limits
        active = Counter({scope: self._jobs.active(scope)}) if limits.concurrent_builds_per_project else None
        admit(scope, limits, queued=self._jobs.waiting(), unended=active)

    def _now(self) -> float:
        return self._cluster.now(self._clock.now())

    def _next_number(self) -> int:
        """Microseconds since 1970, unique."""
        with self._lock:
            self._number = max(int(self._now() * 1_000_000), self._number + 1)
            return self._number
