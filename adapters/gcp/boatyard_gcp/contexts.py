"""Stores contexts in Cloud Storage. Clients and jobs use signed URLs, so the bytes do not pass through the function."""

from collections.abc import Mapping

from boatyard.ports import Clock
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.signing import LONGEST_SECONDS, Signer
from boatyard_serverless.contexts import SignedContextStore, Signing


class GcsContextStore(SignedContextStore):
    """Implements `boatyard.ports.ContextStore`.

    Signed headers bind the upload URL to the archive's length (x-goog-content-length-range) and to an object that does
    not exist yet (x-goog-if-generation-match). Cloud Storage checks MD5 and CRC32C, but not SHA-256, so the job refuses
    other bytes of that length and removes them by `refusal_url`.
    """

    download_seconds = LONGEST_SECONDS

    def __init__(self, rest: GoogleRest, bucket: str, clock: Clock, *, account: str = "") -> None:
        """`account` is the e-mail of the service account that signs; by default the function's."""
        self._bucket = GcsBucket(rest, bucket)
        self._signer = Signer(rest, account)
        super().__init__(self._bucket, clock)

    def sign_upload(self, signing: Signing, sha256: str, size: int) -> tuple[str, dict[str, str]]:
        headers = {"x-goog-content-length-range": f"{size},{size}", "x-goog-if-generation-match": "0"}
        return self._sign("PUT", signing, headers=headers), headers

    def sign_download(self, signing: Signing) -> str:
        return self._sign("GET", signing)

    def sign_refusal(self, signing: Signing) -> str:
        """The URL deletes only the present bytes: a later upload has another generation."""
        generation = self._bucket.generation(signing.key)
        return self._sign("DELETE", signing, query={"generation": generation}) if generation else ""

    def _sign(
        self,
        method: str,
        signing: Signing,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        key, now, seconds = signing
        return self._signer.url(method, self._bucket.name, key, now=now, seconds=seconds, headers=headers, query=query)
