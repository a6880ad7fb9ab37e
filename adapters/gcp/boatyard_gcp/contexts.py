"""Contexts in Cloud Storage, by signed URLs: the bytes pass by the function."""

from typing import Final

from boatyard.context import Context, check_archive
from boatyard.ports import Clock, Upload
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import Rest
from boatyard_gcp.signing import LONGEST_SECONDS, Signer
from boatyard_serverless import keys

UPLOAD_SECONDS: Final = 3600
DOWNLOAD_SECONDS: Final = LONGEST_SECONDS
"""A job may wait for its node."""


class GcsContextStore:
    """Implements `boatyard.ports.ContextStore`.

    The upload URL is bound to the archive's length (x-goog-content-length-range) and to nothing being there yet
    (x-goog-if-generation-match), by signed headers. Cloud Storage knows MD5 and CRC32C, but no SHA-256: other bytes of
    that length are refused by the job, which removes them by `refusal_url`.
    """

    def __init__(self, rest: Rest, bucket: str, clock: Clock, *, account: str = "") -> None:
        """`account` is the e-mail of the service account that signs; the function's own without it."""
        self._bucket = GcsBucket(rest, bucket)
        self._signer = Signer(rest, account)
        self._clock = clock

    def has(self, sha256: str) -> bool:
        return self._bucket.has(_key(sha256))

    def upload(self, sha256: str, size: int) -> Upload:
        headers = {"x-goog-content-length-range": f"{size},{size}", "x-goog-if-generation-match": "0"}
        now = self._clock.now()
        url = self._signer.url("PUT", self._bucket.name, _key(sha256), now=now, seconds=UPLOAD_SECONDS, headers=headers)
        return Upload(upload_url=url, headers=headers, expires_at=now + UPLOAD_SECONDS)

    def download_url(self, sha256: str) -> str:
        return self._url("GET", sha256)

    def refusal_url(self, sha256: str) -> str:
        """Of the bytes that are there now: those of a later upload are not removed by it."""
        generation = self._bucket.generation(_key(sha256))
        return self._url("DELETE", sha256, generation=generation) if generation else ""

    def _url(self, method: str, sha256: str, **query: str) -> str:
        now, seconds = self._clock.now(), DOWNLOAD_SECONDS
        return self._signer.url(method, self._bucket.name, _key(sha256), now=now, seconds=seconds, query=query)


def _key(sha256: str) -> str:
    """Raises INVALID_SPEC for what is no digest: it becomes part of a key."""
    check_archive(Context(sha256=sha256, size=1))
    return keys.context(sha256)
