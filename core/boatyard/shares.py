"""How the room for builds is shared between projects: no project can take all of it.

Shares are of one project and domain. A limit of 0 is a fair share. In the queue that is as much as is left free for
others (the dynamic thresholds of switches that share a buffer, Choudhury and Hahne 1998): one busy project may fill
half of it, two may fill a third each, and there is always room for a project that comes.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import Final, TypeVar

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Scope
from boatyard.settings import Limits

_RETRY_AFTER_SECONDS: Final = 10

Project = TypeVar("Project", bound=Hashable)


def may_queue(limits: Limits, *, own: int, everybody: int) -> bool:
    """True if one more build may wait. `own` of the `everybody` builds that wait are the project's."""
    return may_hold(limits.queued_builds, limits.queued_builds_per_project, own=own, everybody=everybody)


def too_many_builds(limits: Limits, scope: Scope, *, own: int, everybody: int) -> BoatyardError:
    """The refusal where `may_queue` is false, with the limit that was met. It tells no project of another's builds."""
    if everybody >= limits.queued_builds:
        detail = f"the queue is full: limits.queuedBuilds is {limits.queued_builds:,}"
    elif limits.queued_builds_per_project > 0:
        most = f"limits.queuedBuildsPerProject is {limits.queued_builds_per_project:,}"
        detail = f"{scope.project}/{scope.domain} has {own:,} builds waiting: {most}"
    else:
        detail = (
            f"{scope.project}/{scope.domain} has {own:,} builds waiting, which is its share of the "
            f"{limits.queued_builds:,} of limits.queuedBuilds while limits.queuedBuildsPerProject is not set"
        )
    return BoatyardError(Code.TOO_MANY_BUILDS, detail, retry_after_seconds=_RETRY_AFTER_SECONDS)


def may_hold(room: int, share: int, *, own: int, everybody: int) -> bool:
    """True if a project that holds `own` of the `everybody` places taken of `room` may take one more."""
    left = room - everybody
    if left <= 0:
        return False
    return own < share if share > 0 else own < max(left, 1)


def next_to_run(limits: Limits, *, waiting: Collection[Project], running: Mapping[Project, int]) -> Project | None:
    """Whose build takes a place that is free; None if all who wait have what they may have.

    `waiting` are the projects with builds that wait, the longest waiting first. Who has the fewest builds running
    is next, so that a project with a thousand builds takes turns with one that has a single build.
    """
    most = limits.concurrent_builds_per_project
    able = [project for project in waiting if not most or running.get(project, 0) < most]
    return min(able, key=lambda project: running.get(project, 0), default=None)
