"""Stores contexts in S3 with presigned URLs, so that their bytes bypass the function."""

import base64
from typing import Final

from boatyard.ports import Clock, Upload
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_serverless import keys

UPLOAD_SECONDS: Final = 3600
DOWNLOAD_SECONDS: Final = 12 * 3600
"""A job may wait for its node. A URL expires with the credentials that signed it, which for a function's role is after
12 hours at most (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html)."""


class S3ContextStore:
    """Implements `boatyard.ports.ContextStore`.

    The upload URL is bound to the archive: its length and its x-amz-checksum-sha256 are signed headers, and S3 compares
    the checksum with the uploaded bytes
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
    """

    def __init__(self, clients: Clients, bucket: str, clock: Clock) -> None:
        self._clients = clients
        self._bucket = S3Bucket(clients, bucket)
        self._clock = clock

    def has(self, sha256: str) -> bool:
        return self._bucket.has(keys.context(sha256))

    def upload(self, sha256: str, size: int) -> Upload:
        key = keys.context(sha256)
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        params = {"Bucket": self._bucket.name, "Key": key, "ContentLength": size, "ChecksumSHA256": checksum}
        return Upload(
            upload_url=self._sign("put_object", params, UPLOAD_SECONDS),
            headers={"x-amz-checksum-sha256": checksum},
            expires_at=self._clock.now() + UPLOAD_SECONDS,
        )

    def download_url(self, sha256: str) -> str:
        return self._sign("get_object", {"Bucket": self._bucket.name, "Key": keys.context(sha256)}, DOWNLOAD_SECONDS)

    def refusal_url(self, sha256: str) -> str:
        return ""

    def _sign(self, method: str, params: dict[str, object], seconds: int) -> str:
        with AwsCall("signing a URL", self._bucket.name):
            url = self._clients.s3().generate_presigned_url(method, Params=params, ExpiresIn=seconds)
        return url
