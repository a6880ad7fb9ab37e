"""Limits how many ended builds are kept, and for how long."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from boatyard.ports import Scope
from boatyard_local.jobs.record import FolderRecord


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Projects share the space: when it is full, the project with the most loses its oldest build. So a project with
    many builds does not displace other projects' records and logs."""

    builds: int = 2000
    """The most ended builds."""
    log_bytes: int = 8 * 1024**3
    """The most bytes of their logs together."""
    days: float = 30.0
    """Days after a build's end."""

    def outdated(self, records: Iterable[FolderRecord], *, now: float) -> list[FolderRecord]:
        """The ended builds to remove. Their end counts, so that a long build is not removed when it ends."""
        ended = sorted((record for record in records if record.build.state.ended), key=_end)
        oldest = now - self.days * 86_400
        outdated = [record for record in ended if _end(record) < oldest]
        kept: dict[Scope, deque[FolderRecord]] = {}
        for record in ended[len(outdated) :]:
            kept.setdefault(record.scope, deque()).append(record)
        outdated += _beyond(kept, self.builds, lambda record: 1)
        outdated += _beyond(kept, self.log_bytes, lambda record: record.log_bytes)
        return outdated


def _beyond(
    kept: dict[Scope, deque[FolderRecord]], room: int, size: Callable[[FolderRecord], int]
) -> Iterator[FolderRecord]:
    """The builds to remove from `kept` (oldest first) so that the rest fits into `room`."""
    sizes = {scope: sum(map(size, records)) for scope, records in kept.items()}
    total = sum(sizes.values())
    largest = [(-taken, scope.project, scope.domain) for scope, taken in sizes.items()]
    heapq.heapify(largest)
    while total > room:
        taken, project, domain = largest[0]
        record = kept[Scope(project, domain)].popleft()
        total -= size(record)
        heapq.heapreplace(largest, (taken + size(record), project, domain))
        yield record


def _end(record: FolderRecord) -> float:
    return record.build.finished_at or record.build.created_at
