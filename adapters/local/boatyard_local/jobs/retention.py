"""How long builds that have ended are remembered."""

from collections.abc import Iterable, Iterator

import msgspec

from boatyard_local.jobs.record import Record


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    builds: int = 2000
    """Builds that have ended, at most."""
    days: float = 30.0
    """After its end."""

    def outdated(self, newest_first: Iterable[Record], *, now: float) -> Iterator[Record]:
        oldest = now - self.days * 86_400
        kept = 0
        for record in newest_first:
            if not record.build.state.ended:
                continue
            if kept >= self.builds or (record.build.finished_at or now) < oldest:
                yield record
            else:
                kept += 1
