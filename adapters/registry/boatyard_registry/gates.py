"""Limits concurrent requests to each origin, so that a dead origin does not block all threads.

An origin that has answered within the last minute gets many requests at once. Any other origin gets a few; further
requests wait briefly for a first answer. An origin that was silent for long enough gets no requests for some seconds,
then a single one (a circuit breaker: open, then half open).
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from boatyard_registry.deadline import Deadline
from boatyard_registry.origin import Origin

_PROVEN_SECONDS: Final = 60.0
_PROVEN_AT_ONCE: Final = 32
_UNPROVEN_AT_ONCE: Final = 8
_PATIENCE_SECONDS: Final = 3.0
"""How long requests wait for the first answer of an origin that already has requests in progress."""
_SHUT_SECONDS: Final = 5.0
_FAIR_SECONDS: Final = 2.5
"""Silence that counts against an origin. A shorter one may only mean that another server used up the lookup's time."""
_MOST_ORIGINS: Final = 1_024


class Shut(Exception):
    """The origin gets no requests now; the text gives the reason and the time."""


class _Gate:
    def __init__(self) -> None:
        self.inside = 0
        self.answered_at = -math.inf
        self.shut_until = -math.inf
        self.silent = False
        """Whether the origin has been silent since its last answer."""

    def room(self, now: float) -> int:
        if self.silent:
            return 1
        return _PROVEN_AT_ONCE if now - self.answered_at < _PROVEN_SECONDS else _UNPROVEN_AT_ONCE


class Gates:
    """Thread-safe. Keeps the most recently used origins."""

    def __init__(self) -> None:
        self._gates: OrderedDict[Origin, _Gate] = OrderedDict()
        self._changed = threading.Condition()

    @contextmanager
    def through(self, origin: Origin, deadline: Deadline) -> Iterator[None]:
        """Wraps one request and its answer. A TimeoutError in the block counts as silence, any other end as an answer.

        Raises Shut.
        """
        gate = self._enter(origin, deadline)
        began = time.monotonic()
        try:
            yield
        except TimeoutError:
            self._leave(gate, silent=time.monotonic() - began >= _FAIR_SECONDS and gate.answered_at < began)
            raise
        except Exception:
            self._leave(gate)  # refused or broken connections block no thread
            raise
        else:
            self._leave(gate, answered=True)

    def _enter(self, origin: Origin, deadline: Deadline) -> _Gate:
        began = time.monotonic()
        with self._changed:
            gate = self._gate(origin)
            while True:
                now = time.monotonic()
                if gate.shut_until > now:
                    raise Shut(f"{origin} did not answer in time; it is asked again in {gate.shut_until - now:.0f} s")
                if gate.inside < gate.room(now):
                    gate.inside += 1
                    return gate
                proven = gate.room(now) == _PROVEN_AT_ONCE
                patience = deadline.left if proven else began + _PATIENCE_SECONDS - now
                if gate.silent or patience <= 0 or deadline.left <= 0:
                    raise Shut(f"{gate.inside} others wait for {origin}, which has not answered yet")
                self._changed.wait(min(patience, deadline.left))

    def _leave(self, gate: _Gate, *, answered: bool = False, silent: bool = False) -> None:
        with self._changed:
            gate.inside -= 1
            if answered:
                gate.answered_at = time.monotonic()
                gate.silent = False
            elif silent:
                gate.shut_until = time.monotonic() + _SHUT_SECONDS
                gate.silent = True
            self._changed.notify_all()

    def _gate(self, origin: Origin) -> _Gate:
        gate = self._gates.setdefault(origin, _Gate())
        self._gates.move_to_end(origin)
        if len(self._gates) > _MOST_ORIGINS:
            unused = next((name for name, old in self._gates.items() if not old.inside and old is not gate), None)
            if unused:
                del self._gates[unused]
        return gate
