"""The right of one function to carry out a build: taken and renewed by conditional writes."""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Clock
from boatyard.timespan import lasts
from boatyard_serverless.inline.service import given_up
from boatyard_serverless.inline.state import BEAT_SECONDS, LEASE_SECONDS, HeldState, InlineState, InlineStates

_TRIES: Final = 8


class LeaseLost(Exception):
    """Another function may carry out the build, so this one must not write about it any more."""


class Lease:
    def __init__(self, states: InlineStates, clock: Clock, build_id: str, held: HeldState) -> None:
        self._states = states
        self._clock = clock
        self._build_id = build_id
        self._held = held

    @property
    def taken(self) -> int:
        return self._held.state.taken

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked to stop the build; known after the next beat."""
        return self._held.state.stopping

    def beat(self) -> None:
        """Renews the lease if it is time. Raises LeaseLost."""
        now = self._clock.now()
        if lasts(self._held.state.beat_at, now, BEAT_SECONDS):
            return
        try:
            self.renew()
        except BoatyardError:
            # The bucket may answer the next beat. Until then, nobody else may take the build.
            if not lasts(self._held.state.beat_at, self._clock.now(), LEASE_SECONDS / 2):
                raise LeaseLost from None

    def renew(self) -> None:
        """Raises LeaseLost, or what the bucket raises."""
        now = self._clock.now()
        self._write(lambda state: msgspec.structs.replace(state, beat_at=now))

    def end(self, reason: str = "", *, timed_out: bool = False) -> None:
        end: Literal["timed_out", "ended"] = "timed_out" if timed_out else "ended"
        self._write(
            lambda state: msgspec.structs.replace(state, phase="stopped" if state.stopping else end, reason=reason)
        )

    def leave(self) -> None:
        """Lets the next delivery of the message take the build immediately."""
        now = self._clock.now()
        self._write(lambda state: msgspec.structs.replace(state, phase="waiting", asked_at=now))

    def _write(self, change: Callable[[InlineState], InlineState]) -> None:
        for _ in range(_TRIES):
            written = self._states.replace(self._build_id, self._held, change(self._held.state))
            if written is not None:
                self._held = written
                return
            newer = self._states.get(self._build_id)
            if newer is None or (newer.state.phase, newer.state.taken) != ("running", self.taken):
                raise LeaseLost
            self._held = newer  # somebody has asked to stop it
        raise LeaseLost


def take(states: InlineStates, clock: Clock, build_id: str, *, message: str) -> Lease | str:
    """Returns the lease, or why this delivery of the message has nothing to do.

    Raises DATAPLANE_UNAVAILABLE if the message has to come again: it is the one whose earlier delivery carries the
    build out, or did so when it was killed.
    """
    for _ in range(_TRIES):
        held, now = states.get(build_id), clock.now()
        if held is None:
            return "no function was to carry it out"
        state = held.state
        if state.is_over:
            return f"it has {state.phase}"
        if state.phase == "running" and lasts(state.beat_at, now, LEASE_SECONDS):
            if state.message != message:
                return "another function carries it out"
            raise BoatyardError(
                Code.DATAPLANE_UNAVAILABLE,
                f"an earlier delivery of this message carries build {build_id} out, or was killed in the last "
                f"{LEASE_SECONDS:.0f} s",
            )
        if state.stopping:
            changed = msgspec.structs.replace(state, phase="stopped")
        elif reason := given_up(state):
            changed = msgspec.structs.replace(state, phase="ended", reason=reason)
        else:
            changed = msgspec.structs.replace(
                state, phase="running", message=message, taken=state.taken + 1, beat_at=now
            )
        written = states.replace(build_id, held, changed)
        if written is not None and not changed.is_over:
            return Lease(states, clock, build_id, written)
    raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the state of build {build_id} changes all the time; try again")
