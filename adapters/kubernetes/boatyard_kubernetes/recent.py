"""Caches recent answers about builds."""

import threading
import time

from boatyard.build import Build

_MOST = 1000


class Recent:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._builds: dict[str, tuple[float, Build]] = {}
        self._lock = threading.Lock()

    def get(self, build_id: str) -> Build | None:
        with self._lock:
            at, build = self._builds.get(build_id, (0.0, None))
            return build if time.monotonic() - at < self._seconds else None

    def put(self, build: Build) -> None:
        """Caches a running build. Ended builds are not cached: reading their Job costs one request."""
        with self._lock:
            self._builds.pop(build.id, None)
            if not build.state.ended and self._seconds > 0:
                while len(self._builds) >= _MOST:
                    del self._builds[next(iter(self._builds))]
                self._builds[build.id] = (time.monotonic(), build)
