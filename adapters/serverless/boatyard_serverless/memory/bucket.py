"""An in-memory bucket. Versions count up, as generations in Cloud Storage do."""

import threading
from collections.abc import Iterator

from boatyard.errors import BoatyardError
from boatyard_serverless.ports import Stored


class MemoryBucket:
    """Implements `boatyard_serverless.ports.Bucket`. While `failure` is set, every call raises it."""

    def __init__(self) -> None:
        self._objects: dict[str, Stored] = {}
        self._version = 0
        self._lock = threading.Lock()
        self.failure: BoatyardError | None = None
        self.calls: list[tuple[str, str]] = []
        """(method, key) of every call."""

    def get(self, key: str) -> Stored | None:
        with self._called("get", key):
            return self._objects.get(key)

    def has(self, key: str) -> bool:
        with self._called("has", key):
            return key in self._objects

    def put(self, key: str, body: bytes) -> None:
        with self._called("put", key):
            self._store(key, body)

    def create(self, key: str, body: bytes) -> str | None:
        with self._called("create", key):
            return None if key in self._objects else self._store(key, body)

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        with self._called("replace", key):
            known = self._objects.get(key)
            return self._store(key, body) if known and known.version == version else None

    def delete(self, key: str) -> None:
        with self._called("delete", key):
            self._objects.pop(key, None)

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        while True:
            with self._called("keys", prefix):
                found = sorted(key for key in self._objects if key.startswith(prefix) and key > after)
            yield from found[:page]
            if len(found) <= page:
                return
            after = found[page - 1]

    def folders(self, prefix: str) -> Iterator[str]:
        with self._called("folders", prefix):
            below = (key[len(prefix) :].partition("/") for key in self._objects if key.startswith(prefix))
            found = sorted({name for name, slash, _ in below if slash})
        yield from found

    def _store(self, key: str, body: bytes) -> str:
        self._version += 1
        self._objects[key] = Stored(body, str(self._version))
        return str(self._version)

    def _called(self, method: str, key: str) -> threading.Lock:
        """Records a call and returns the lock to hold during it."""
        if self.failure is not None:
            raise self.failure
        self.calls.append((method, key))
        return self._lock
