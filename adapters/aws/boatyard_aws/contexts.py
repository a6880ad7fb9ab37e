"""Stores contexts in S3 with presigned URLs, so that their bytes bypass the function."""

import base64

from boatyard.ports import Clock
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_serverless.contexts import SignedContextStore, Signing


class S3ContextStore(SignedContextStore):
    """Implements `boatyard.ports.ContextStore`.

    The upload URL is bound to the archive: its length and its x-amz-checksum-sha256 are signed headers, and S3 compares
    the checksum with the uploaded bytes
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
    """

    download_seconds = 12 * 3600
    """A URL expires with the credentials that signed it, which for a function's role is after 12 hours at most
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html)."""

    def __init__(self, clients: Clients, bucket: str, clock: Clock) -> None:
        self._clients = clients
        self._bucket = bucket
        super().__init__(S3Bucket(clients, bucket), clock)

    def sign_upload(self, signing: Signing, sha256: str, size: int) -> tuple[str, dict[str, str]]:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        url = self._sign("put_object", signing, ContentLength=size, ChecksumSHA256=checksum)
        return url, {"x-amz-checksum-sha256": checksum}

    def sign_download(self, signing: Signing) -> str:
        return self._sign("get_object", signing)

    def _sign(self, method: str, signing: Signing, **bound: object) -> str:
        params = {"Bucket": self._bucket, "Key": signing.key, **bound}
        with AwsCall("signing a URL", self._bucket):
            url = self._clients.s3().generate_presigned_url(method, Params=params, ExpiresIn=signing.seconds)
        return url
