"""Implements the BuildService port with the deployment's own queue and its function for events."""

from typing import Final

import msgspec

from boatyard.build import BuildId
from boatyard.errors import BoatyardError, Code
from boatyard.ports import Clock
from boatyard.timespan import lasts
from boatyard_serverless.events.model import BuildWaiting
from boatyard_serverless.inline.log import read_log
from boatyard_serverless.inline.state import (
    ASKED_SECONDS,
    LEASE_SECONDS,
    MOST_ASKED,
    MOST_TAKEN,
    HeldState,
    InlineState,
    InlineStates,
)
from boatyard_serverless.ports import Bucket, Execution, RawLog, WorkQueue

PREFIX: Final = "inline:"
"""How executions of these builds begin, so that they differ from those of a cloud's build service."""
_TRIES: Final = 8


class InlineBuilds:
    """A start sends a message; the function that it is delivered to carries the build out.

    Queues deliver at least once, and whoever looks at a build whose function was killed sends its message again. The
    state's conditional writes let one function at a time work on a build.
    """

    def __init__(self, bucket: Bucket, queue: WorkQueue, clock: Clock) -> None:
        self._bucket = bucket
        self._states = InlineStates(bucket)
        self._queue = queue
        self._clock = clock

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        """Safe to repeat: equal starts are one execution. The record has the build's timeout."""
        self._states.create(build_id, InlineState(asked_at=self._clock.now()))
        self._queue.put([BuildWaiting(build=build_id)])
        return f"{PREFIX}{build_id}"

    def look(self, execution: str) -> Execution | None:
        build_id = _build_id(execution)
        held = self._states.get(build_id) if build_id else None
        if build_id is None or held is None:
            return None
        state = held.state
        if self._goes_on(state):
            return Execution(state.phase, state.reason)
        return self._revive(build_id, held)

    def stop(self, execution: str) -> None:
        build_id = _build_id(execution)
        for _ in range(_TRIES):
            held = self._states.get(build_id) if build_id else None
            if build_id is None or held is None or held.state.is_over or held.state.stopping:
                return
            runs = held.state.phase == "running" and self._goes_on(held.state)
            if runs:
                stopped = msgspec.structs.replace(held.state, stopping=True)
            else:
                stopped = msgspec.structs.replace(held.state, phase="stopped")
            if self._states.replace(build_id, held, stopped):
                return
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"{build_id} changes while it is stopped; try again")

    def log(self, execution: str, cursor: str) -> RawLog | None:
        build_id = _build_id(execution)
        return read_log(self._bucket, build_id, cursor) if build_id else None

    def _goes_on(self, state: InlineState) -> bool:
        """Whether nothing has to be done for the build now."""
        if state.is_over:
            return True
        now = self._clock.now()
        if state.phase == "running":
            return lasts(state.beat_at, now, LEASE_SECONDS)
        return lasts(state.asked_at, now, ASKED_SECONDS)

    def _revive(self, build_id: str, held: HeldState) -> Execution:
        """Sends the message of a build again whose function was killed, or whose message got lost.

        The queue does that too, but only after its visibility timeout, which is longer than the longest build.
        """
        state = held.state
        reason = given_up(state)
        if state.stopping or reason:
            over = msgspec.structs.replace(state, phase="stopped" if state.stopping else "ended", reason=reason)
            self._states.replace(build_id, held, over)
            return Execution(over.phase, reason)
        waiting = msgspec.structs.replace(state, phase="waiting", asked_at=self._clock.now(), asked=state.asked + 1)
        if (ours := self._states.replace(build_id, held, waiting)) is not None:
            try:
                self._queue.put([BuildWaiting(build=build_id)])
            except BoatyardError:
                # The next look sends it.
                self._states.replace(build_id, ours, msgspec.structs.replace(waiting, asked_at=0.0))
        # A build that was running stays so for its callers.
        return Execution("running" if state.taken else "waiting")


def given_up(state: InlineState) -> str:
    """Why no other function may try the build; empty if one may."""
    if state.taken >= MOST_TAKEN:
        return (
            f"{state.taken} functions ended without a result while they carried it out. If they ran out of memory "
            "(their log says so), give the function for events more, or let another runner carry it out"
        )
    if state.asked >= MOST_ASKED:
        return f"no function took it up, though it was queued {state.asked} times: does the queue have its function?"
    return ""


def _build_id(execution: str) -> str | None:
    if not execution.startswith(PREFIX):
        return None
    build_id = execution.removeprefix(PREFIX)
    return build_id if BuildId.parse(build_id) else None
