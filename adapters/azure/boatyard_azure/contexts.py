"""Contexts in Blob Storage, by user-delegation SAS: the bytes pass by the function."""

from boatyard.ports import Clock
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.delegation import DelegatedUrls
from boatyard_azure.rest import AzureRest
from boatyard_serverless.contexts import SignedContextStore, Signing


class BlobContextStore(SignedContextStore):
    """Implements `boatyard.ports.ContextStore`.

    A SAS signs no header, so it binds neither length nor checksum. It can only create the one blob (sp=c), which nobody
    overwrites then. The job refuses other bytes and removes them by `refusal_url`.
    """

    download_seconds = 24 * 3600

    def __init__(self, rest: AzureRest, account: str, container: str, clock: Clock) -> None:
        bucket = BlobBucket(rest, account, container)
        self._urls = DelegatedUrls(rest, bucket)
        super().__init__(bucket, clock)

    def sign_upload(self, signing: Signing, sha256: str, size: int) -> tuple[str, dict[str, str]]:
        # With If-None-Match, a blob that is there is refused as such, and not as a lack of permission.
        headers = {"x-ms-blob-type": "BlockBlob", "if-none-match": "*"}
        return self._urls.url(signing.key, "c", now=signing.now, seconds=signing.seconds), headers

    def sign_download(self, signing: Signing) -> str:
        return self._urls.url(signing.key, "r", now=signing.now, seconds=signing.seconds)

    def sign_refusal(self, signing: Signing) -> str:
        return self._urls.url(signing.key, "d", now=signing.now, seconds=signing.seconds)
