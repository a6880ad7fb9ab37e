"""Caches that are limited in entries and in time, whatever keys callers use."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from boatyard_registry.deadline import Deadline, OutOfTime

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

_FOR_EVER: Final = float("inf")


class Kept(Generic[_Key, _Value]):
    """A cache of the `most` recently used entries. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[_Key, tuple[_Value, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key) -> _Value | None:
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            if found[1] <= time.monotonic():
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return found[0]

    def put(self, key: _Key, value: _Value, *, seconds: float = _FOR_EVER) -> None:
        with self._lock:
            self._entries[key] = (value, time.monotonic() + seconds)
            self._entries.move_to_end(key)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class Turns(Generic[_Key]):
    """A lock for each key. A key without users is forgotten. Thread-safe."""

    def __init__(self) -> None:
        self._locks: dict[_Key, tuple[threading.Lock, int]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, key: _Key, deadline: Deadline) -> Iterator[None]:
        """Holds the key's lock. Raises OutOfTime if it is not free before the deadline."""
        with self._lock:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            if not lock.acquire(timeout=deadline.require()):
                raise OutOfTime
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._lock:
                lock, users = self._locks[key]
                if users == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, users - 1)

    def __len__(self) -> int:
        return len(self._locks)
