"""The state of a build that a function carries out: one object beside the build's record, replaced by conditional
writes.

waiting  ->  running, under a lease that its function renews  ->  an end
   ^            |
   +------------+  the lease has run out: the function was killed
"""

from typing import Final, Literal

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard_serverless import keys
from boatyard_serverless.ports import Bucket

LEASE_SECONDS: Final = 60.0
"""A function that has not renewed its lease for so long was killed. Longer than a renewal with all its retries."""
BEAT_SECONDS: Final = 5.0
ASKED_SECONDS: Final = 900.0
"""After so many seconds without a function that takes the build, its message is sent again."""
MOST_ASKED: Final = 20
MOST_TAKEN: Final = 3
"""A build that kills its function, for example because it needs too much memory, is given up after so many of them."""


class InlineState(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Times are seconds since 1970, by the clocks of different functions."""

    phase: Literal["waiting", "running", "ended", "stopped", "timed_out"] = "waiting"
    asked_at: float
    """When its message was last sent."""
    asked: int = 1
    """How often it was sent."""
    message: str = ""
    """The id of the message whose delivery the build runs in."""
    taken: int = 0
    """How many functions took the build. It also names one of them: an earlier one has lost its lease."""
    beat_at: float = 0.0
    stopping: bool = False
    reason: str = ""
    """Why it ended, if it has no result."""

    @property
    def is_over(self) -> bool:
        return self.phase in ("ended", "stopped", "timed_out")


class HeldState(msgspec.Struct, frozen=True):
    """A state and its version."""

    state: InlineState
    version: str


class InlineStates:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def get(self, build_id: str) -> HeldState | None:
        """None if the build is not carried out here, or its state is unreadable."""
        key = self._key(build_id)
        stored = self._bucket.get(key) if key else None
        if stored is None:
            return None
        try:
            return HeldState(decode_json(stored.body, InlineState), stored.version)
        except Undecodable:
            return None

    def create(self, build_id: str, state: InlineState) -> bool:
        key = self._key(build_id)
        return bool(key and self._bucket.create(key, msgspec.json.encode(state)))

    def replace(self, build_id: str, held: HeldState, state: InlineState) -> HeldState | None:
        """Returns None if another function was faster."""
        key = self._key(build_id)
        version = self._bucket.replace(key, msgspec.json.encode(state), held.version) if key else None
        return HeldState(state, version) if version else None

    @staticmethod
    def _key(build_id: str) -> str:
        folder = keys.build_folder(build_id)
        return f"{folder}inline" if folder else ""
