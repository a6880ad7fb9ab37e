"""Held failures: a failed build answers equal requests for a while, so that many retries start one build.

Only failures that the request itself causes are held. Something outside of the request may have fixed other failures
since: a corrected secret, a pushed base, a granted permission. Boatyard cannot know, so such a request builds again.
"""

from typing import Final

import msgspec

from boatyard.build import Build
from boatyard.errors import Code

_DECIDED_OUTSIDE: Final = frozenset(
    {
        Code.BASE_IMAGE_DENIED,
        Code.BASE_IMAGE_NOT_FOUND,
        Code.DISK_FULL,
        Code.NETWORK_UNREACHABLE,
        Code.PUSH_DENIED,
        Code.REGISTRY_DENIED,
        Code.REGISTRY_UNAVAILABLE,
        Code.REPOSITORY_NOT_FOUND,
        Code.SOURCE_UNUSABLE,
        Code.TAG_IMMUTABLE,
    }
)
"""Failures of registries, networks and disks, after which the same request may succeed."""


class Held(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The age of a held failure, and how long it still answers requests, in seconds."""

    age_seconds: float
    seconds_left: float


def may_have_changed(build: Build, *, uses_secrets: bool) -> bool:
    """Whether an equal request could have another result now. `uses_secrets`: the build used the value of a secret."""
    return uses_secrets or (build.error is not None and build.error.code in _DECIDED_OUTSIDE)


def held(build: Build, *, now: float, hold_seconds: float) -> Held:
    age = max(now - (build.finished_at or now), 0.0)
    return Held(age_seconds=age, seconds_left=max(hold_seconds - age, 0.0))
