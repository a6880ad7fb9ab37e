"""An in-memory context store."""

import hashlib
import threading

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Clock, Upload

_VALID_SECONDS = 3600.0


class MemoryContextStore:
    """A context store in memory. `receive` plays the object store behind the upload URL."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._archives: dict[str, bytes] = {}
        self._announced: dict[str, int] = {}
        self._lock = threading.Lock()

    def has(self, sha256: str) -> bool:
        with self._lock:
            return sha256 in self._archives

    def upload(self, sha256: str, size: int) -> Upload:
        url = f"memory:{sha256}/{size}"
        with self._lock:
            self._announced[url] = size
        return Upload(
            upload_url=url,
            headers={"content-type": "application/gzip"},
            expires_at=self._clock.now() + _VALID_SECONDS,
        )

    def download_url(self, sha256: str) -> str:
        return f"memory:{sha256}"

    def refusal_url(self, sha256: str) -> str:
        return ""

    def receive(self, upload: Upload, data: bytes) -> None:
        """Stores the bytes if they are the announced ones and in time. Raises CONTEXT_INVALID or FORBIDDEN."""
        if self._clock.now() >= upload.expires_at:
            raise BoatyardError(Code.FORBIDDEN, "the upload URL has expired; announce the context again")
        sha256 = upload.upload_url.removeprefix("memory:").partition("/")[0]
        with self._lock:
            size = self._announced.get(upload.upload_url)
            if size is None:
                raise BoatyardError(Code.FORBIDDEN, "the upload URL was not issued here")
            if len(data) != size:
                raise BoatyardError(Code.CONTEXT_INVALID, f"{len(data)} bytes came, {size} were announced")
            if hashlib.sha256(data).hexdigest() != sha256:
                raise BoatyardError(Code.CONTEXT_INVALID, "the bytes that came have another sha256")
            self._archives[sha256] = data
