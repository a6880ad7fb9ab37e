"""How long builds that have ended are remembered."""

from collections.abc import Iterable

import msgspec

from boatyard.ports import Scope
from boatyard_local.jobs.record import Record


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    builds: int = 2000
    """Builds that have ended, at most. When there are more, those with the fewest keep all of theirs, and the others
    equally many: a flood of one project's builds takes nobody else's records and logs."""
    days: float = 30.0
    """After its end."""

    def outdated(self, records: Iterable[Record], *, now: float) -> list[Record]:
        """Of those that have ended: by their end, so that a long build is not forgotten as it ends."""
        ended = sorted((record for record in records if record.build.state.ended), key=_end, reverse=True)
        oldest = now - self.days * 86_400
        known: dict[Scope, list[Record]] = {}
        outdated: list[Record] = []
        for record in ended:
            if _end(record) < oldest:
                outdated.append(record)
            else:
                known.setdefault(record.scope, []).append(record)
        left = self.builds
        for place, records_of_one in enumerate(sorted(known.values(), key=len)):
            share = left // (len(known) - place)
            outdated += records_of_one[share:]
            left -= min(share, len(records_of_one))
        return outdated


def _end(record: Record) -> float:
    return record.build.finished_at or record.build.created_at
