"""Shares the capacity for builds between projects, so that no project can use all of it.

A share belongs to one project and domain. A limit of 0 is a fair share. In the queue, a project may use as much as is
left free for others (the dynamic thresholds of switches that share a buffer, Choudhury and Hahne 1998): one busy
project may fill half of it, two may fill a third each, and there is always room for another project.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from typing import Final, TypeVar

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Scope
from boatyard.settings import Limits

_RETRY_AFTER_SECONDS: Final = 10

Project = TypeVar("Project", bound=Hashable)


def admit(
    scope: Scope, limits: Limits, *, queued: Counter[Scope] | None = None, unended: Counter[Scope] | None = None
) -> None:
    """Raises TOO_MANY_BUILDS with the limit, if the project may not queue another build.

    `queued`: waiting builds; None if a runner cannot distinguish them from running ones. Then the capacity for both is
    shared as one.
    `unended`: waiting and running builds; None if the runner itself starts them in turns (`next_to_run`). Otherwise a
    build starts as soon as the cluster has room, so the limit for running builds is checked here.

    The error reveals nothing about other projects' builds.
    """
    if queued is None:
        _check_room(scope, limits, unended or Counter())
        return
    _check_queue(scope, limits, queued)
    most = limits.concurrent_builds_per_project
    if unended is not None and most and unended[scope] >= most + max(limits.queued_builds_per_project, 0):
        raise _refused(
            scope,
            f"{unended[scope]:,} builds that wait or run: limits.concurrentBuildsPerProject is {most:,}",
        )


def room(limits: Limits) -> int:
    """Capacity for waiting and running builds together."""
    return limits.concurrent_builds + limits.queued_builds


def may_hold(room: int, share: int, *, own: int, everybody: int) -> bool:
    """True if a project that uses `own` of the `everybody` used slots of `room` may use one more."""
    left = room - everybody
    if left <= 0:
        return False
    return own < share if share > 0 else own < max(left, 1)


def next_to_run(limits: Limits, *, waiting: Collection[Project], running: Mapping[Project, int]) -> Project | None:
    """The project whose build runs next; None if all waiting projects have reached their limit.

    `waiting` are the projects with waiting builds, the longest waiting first. The project with the fewest running
    builds is next, so that a project with a thousand builds takes turns with one that has a single build.
    """
    most = limits.concurrent_builds_per_project
    able = [project for project in waiting if not most or running.get(project, 0) < most]
    return min(able, key=lambda project: running.get(project, 0), default=None)


def _check_queue(scope: Scope, limits: Limits, queued: Counter[Scope]) -> None:
    most, own = limits.queued_builds_per_project, queued[scope]
    if may_hold(limits.queued_builds, most, own=own, everybody=queued.total()):
        return
    if queued.total() >= limits.queued_builds:
        raise _too_many(f"the queue is full: limits.queuedBuilds is {limits.queued_builds:,}")
    if most > 0:
        raise _refused(scope, f"{own:,} builds waiting: limits.queuedBuildsPerProject is {most:,}")
    raise _refused(
        scope,
        f"{own:,} builds waiting, which is its share of the {limits.queued_builds:,} of limits.queuedBuilds "
        "while limits.queuedBuildsPerProject is not set",
    )


def _check_room(scope: Scope, limits: Limits, unended: Counter[Scope]) -> None:
    share = limits.queued_builds_per_project
    share += (limits.concurrent_builds_per_project or limits.concurrent_builds) if share else 0
    own, everybody = unended[scope], unended.total()
    if may_hold(room(limits), share, own=own, everybody=everybody):
        return
    why = "it may have no more for now: limits.queuedBuildsPerProject, or a fair share where that is 0"
    if everybody >= room(limits):
        why = "there is no room for more now: limits.concurrentBuilds and .queuedBuilds are met"
    raise _refused(scope, f"{own:,} builds that wait or run; {why}")


def _refused(scope: Scope, has: str) -> BoatyardError:
    return _too_many(f"{scope.project}/{scope.domain} has {has}")


def _too_many(detail: str) -> BoatyardError:
    return BoatyardError(Code.TOO_MANY_BUILDS, detail, retry_after_seconds=_RETRY_AFTER_SECONDS)
