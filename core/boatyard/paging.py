"""Pages of builds, and positions that come back from callers as text."""

from collections.abc import Iterable

from boatyard.build import Build
from boatyard.errors import invalid
from boatyard.ports import BuildPage, BuildQuery

_LONGEST = 18
"""Decimal digits: enough for any file offset, and cheap to read."""


def position(text: str, *, field: str, largest: int) -> int:
    """A cursor or page token that this module's callers gave out. Raises INVALID_SPEC for any other."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST) or int(text) > largest:
        raise invalid(f"{text[:40]!r} was not given out here", field=field)
    return int(text)


def page(newest_first: Iterable[tuple[int, Build]], query: BuildQuery, *, largest: int) -> BuildPage:
    """One page of numbered builds. The token is the number of the last build given: it keeps its meaning
    while builds come and go. `largest` is the highest number in use."""
    before = position(query.page_token, field="pageToken", largest=largest)
    builds: list[Build] = []
    last = 0
    for number, build in newest_first:
        if (before and number >= before) or not _asked_for(build, query):
            continue
        if len(builds) == query.page_size:
            return BuildPage(tuple(builds), str(last))
        builds.append(build)
        last = number
    return BuildPage(tuple(builds), "")


def _asked_for(build: Build, query: BuildQuery) -> bool:
    return (
        query.project in (None, build.project)
        and query.domain in (None, build.domain)
        and query.state in (None, build.state)
    )
