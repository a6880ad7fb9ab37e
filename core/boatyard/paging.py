"""Pages of builds, and cursors that callers send back as text."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from boatyard.build import BUILD_ID, Build
from boatyard.errors import invalid
from boatyard.ports import BuildPage, BuildQuery

_LONGEST: Final = 18
"""Decimal digits: enough for any file offset, and cheap to read."""
_TOKEN: Final = re.compile(rf"([0-9]{{1,17}})\.({BUILD_ID})\Z")
_MICROSECONDS: Final = 1_000_000


def position(text: str, *, field: str, largest: int) -> int:
    """Parses a cursor. Raises INVALID_SPEC for invalid text."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST) or int(text) > largest:
        raise invalid(f"{text[:40]!r} was not issued here", field=field)
    return int(text)


class After(msgspec.Struct, frozen=True):
    """The end of a page: its last build. It contains nothing that the page itself did not show."""

    at: int
    """When the build was requested, in microseconds since 1970, in case that its record is removed meanwhile."""
    build_id: str

    @classmethod
    def parse(cls, token: str) -> "After | None":
        """Parses a page token; None for the first page. Raises INVALID_SPEC."""
        if not token:
            return None
        found = _TOKEN.match(token)
        if not found:
            raise invalid(f"{token[:40]!r} was not issued here", field="pageToken")
        return cls(int(found[1]), found[2])

    @classmethod
    def of(cls, build: Build) -> "After":
        return cls(int(build.created_at * _MICROSECONDS), build.id)

    def __str__(self) -> str:
        return f"{self.at}.{self.build_id}"


def page(newest_first: Sequence[Build], query: BuildQuery) -> BuildPage:
    """One page of all builds.

    Builds that the caller may not see leave no trace: the page and its token are the same as without them. A token
    stays valid while builds are added and removed.
    """
    after = After.parse(query.page_token)
    seen = [build for build in newest_first if query.sees(build.project, build.domain)]
    asked = [build for build in seen[_start(seen, after) :] if query.asks_for(build)]
    given = tuple(asked[: query.page_size])
    return BuildPage(given, str(After.of(given[-1])) if len(asked) > len(given) else "")


def _start(seen: Sequence[Build], after: After | None) -> int:
    if after is None:
        return 0
    for number, build in enumerate(seen):
        if build.id == after.build_id:
            return number + 1
    older = (number for number, build in enumerate(seen) if After.of(build).at < after.at)
    return next(older, len(seen))
