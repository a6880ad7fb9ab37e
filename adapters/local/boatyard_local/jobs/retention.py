"""How long builds that have ended are remembered."""

from collections.abc import Iterable

import msgspec

from boatyard_local.jobs.record import Record


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    builds: int = 2000
    """Builds that have ended, at most."""
    days: float = 30.0
    """After its end."""

    def outdated(self, records: Iterable[Record], *, now: float) -> list[Record]:
        """Of those that have ended: by their end, so that a long build is not forgotten as it ends."""
        ended = [record for record in records if record.build.state.ended]
        ended.sort(key=_end, reverse=True)
        oldest = now - self.days * 86_400
        return [record for place, record in enumerate(ended) if place >= self.builds or _end(record) < oldest]


def _end(record: Record) -> float:
    return record.build.finished_at or record.build.created_at
