"""How long builds that have ended are remembered."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from boatyard.ports import Scope
from boatyard_local.jobs.record import FolderRecord


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Room is shared between projects: when there is no more, the one with most loses its oldest build. So a flood of
    one project's builds takes nobody else's records and logs."""

    builds: int = 2000
    """Builds that have ended, at most."""
    log_bytes: int = 8 * 1024**3
    """Of their logs together."""
    days: float = 30.0
    """After its end."""

    def outdated(self, records: Iterable[FolderRecord], *, now: float) -> list[FolderRecord]:
        """Of those that have ended: by their end, so that a long build is not forgotten as it ends."""
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
    """What `kept`, which has the oldest first, loses so that the rest fits into `room`."""
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
