"""Stores contexts in a bucket with signed URLs, so that their bytes bypass the function."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final, NamedTuple

from boatyard.ports import Clock, Upload
from boatyard_serverless import keys
from boatyard_serverless.ports import Bucket

UPLOAD_SECONDS: Final = 3600


class Signing(NamedTuple):
    """What a URL is for."""

    key: str
    """The object's key in the bucket."""
    now: float
    """Seconds since 1970, by the store's clock."""
    seconds: int
    """How long the URL is valid."""


class SignedContextStore(ABC):
    """Implements `boatyard.ports.ContextStore`. A cloud's own store signs the URLs.

    An upload URL should accept the announced bytes only. Where the cloud cannot check their sha256, the job refuses
    other bytes, and `sign_refusal` lets it remove them.
    """

    download_seconds: ClassVar[int]
    """A job may wait for its node."""

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        self._objects = bucket
        self._clock = clock

    def has(self, sha256: str) -> bool:
        return self._objects.has(keys.context(sha256))

    def upload(self, sha256: str, size: int) -> Upload:
        signing = self._signing(sha256, UPLOAD_SECONDS)
        url, headers = self.sign_upload(signing, sha256, size)
        return Upload(upload_url=url, headers=headers, expires_at=signing.now + signing.seconds)

    def download_url(self, sha256: str) -> str:
        return self.sign_download(self._signing(sha256, self.download_seconds))

    def refusal_url(self, sha256: str) -> str:
        return self.sign_refusal(self._signing(sha256, self.download_seconds))

    @abstractmethod
    def sign_upload(self, signing: Signing, sha256: str, size: int) -> tuple[str, dict[str, str]]:
        """Returns the URL, and the headers that the upload must send."""

    @abstractmethod
    def sign_download(self, signing: Signing) -> str: ...

    def sign_refusal(self, signing: Signing) -> str:
        """Returns a URL that deletes the present bytes; "" if the cloud accepts no others than the announced ones."""
        return ""

    def _signing(self, sha256: str, seconds: int) -> Signing:
        return Signing(keys.context(sha256), self._clock.now(), seconds)
