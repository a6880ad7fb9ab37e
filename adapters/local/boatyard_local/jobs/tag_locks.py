"""A lock for each requested tag, so that a request for one image does not wait for another's disk writes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TagLocks:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}
        """With the number of its holders and waiters: the last one removes it."""

    @contextmanager
    def held(self, tag: str) -> Iterator[None]:
        with self._lock:
            lock, users = self._held.get(tag, (threading.Lock(), 0))
            self._held[tag] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._held[tag]
                if users == 1:
                    del self._held[tag]
                else:
                    self._held[tag] = (lock, users - 1)
