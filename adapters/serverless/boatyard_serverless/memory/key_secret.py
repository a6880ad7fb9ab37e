"""An in-memory secret that is written once."""

import threading


class MemoryKeySecret:
    """Implements `boatyard_serverless.deployment_key.KeySecret`."""

    name = "memory"
    place = "the secret in memory"

    def __init__(self, value: bytes | None = None) -> None:
        self.value = value
        self._lock = threading.Lock()

    def read(self) -> bytes | None:
        return self.value

    def write_first(self, value: bytes) -> bool:
        with self._lock:
            if self.value is None:
                self.value = value
        return True
