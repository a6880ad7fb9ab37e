"""Held failures: for a while a failed build is the answer to equal requests, so that many retries start one build.

Only what the request itself decides is worth holding. A failure that something outside of it could have ended since is
no answer any more, and nobody can tell whether it has: a secret that was set right, a base that was pushed, a right
that was granted. Such a request builds again.
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
"""What registries, networks and disks say, for which no request has to change."""


class Held(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How old the failure is that answers a request, and for how long it does. Seconds."""

    age_seconds: float
    seconds_left: float


def may_have_changed(build: Build, *, uses_secrets: bool) -> bool:
    """Whether an equal request could come to another end now. `uses_secrets`: the build was given the value of one."""
    return uses_secrets or (build.error is not None and build.error.code in _DECIDED_OUTSIDE)


def held(build: Build, *, now: float, hold_seconds: float) -> Held:
    age = max(now - (build.finished_at or now), 0.0)
    return Held(age_seconds=age, seconds_left=max(hold_seconds - age, 0.0))
