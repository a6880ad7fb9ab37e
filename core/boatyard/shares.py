"""How the room for builds is shared between projects: no project can take all of it.

Shares are of one project and domain. A limit of 0 is a fair share. In the queue that is as much as is left free for
others (the dynamic thresholds of switches that share a buffer, Choudhury and Hahne 1998): one busy project may fill
half of it, two may fill a third each, and there is always room for a project that comes.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

from boatyard.settings import Limits

Project = TypeVar("Project", bound=Hashable)


def may_queue(limits: Limits, *, own: int, everybody: int) -> bool:
    """True if one more build may wait. `own` of the `everybody` builds that wait are the project's."""
    return may_hold(limits.queued_builds, limits.queued_builds_per_project, own=own, everybody=everybody)


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
