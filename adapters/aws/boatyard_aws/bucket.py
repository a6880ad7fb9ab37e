"""One S3 bucket.

S3 is strongly consistent, and with `If-None-Match: *` or `If-Match`, only one of many concurrent writes succeeds
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from boatyard.errors import BoatyardError, Code
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_serverless.ports import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_LOST: Final = "PreconditionFailed"
_TORN: Final = "ConditionalRequestConflict"
"""Another conditional write ran at the same time; S3 asks for a retry."""
_TRIES: Final = 3


class S3Bucket:
    """Implements `boatyard_serverless.ports.Bucket`. Versions are ETags."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self.name = name

    def get(self, key: str) -> Stored | None:
        with self._call("s3:GetObject", key, _ABSENT):
            answer = self._clients.s3().get_object(Bucket=self.name, Key=key)
            return Stored(answer["Body"].read(), answer["ETag"])
        return None

    def has(self, key: str) -> bool:
        """Needs s3:ListBucket: without it, S3 answers 403 for a missing object."""
        with self._call("s3:GetObject and s3:ListBucket", key, _ABSENT):
            self._clients.s3().head_object(Bucket=self.name, Key=key)
            return True
        return False

    def put(self, key: str, body: bytes) -> None:
        self._put(key, body)

    def create(self, key: str, body: bytes) -> str | None:
        return self._put(key, body, IfNoneMatch="*")

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        return self._put(key, body, IfMatch=version)

    def delete(self, key: str) -> None:
        with self._call("s3:DeleteObject", key):
            self._clients.s3().delete_object(Bucket=self.name, Key=key)

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        for answer in self._pages(prefix, MaxKeys=page, **start):
            yield from (found["Key"] for found in answer.get("Contents", ()))

    def folders(self, prefix: str) -> Iterator[str]:
        for answer in self._pages(prefix, Delimiter="/"):
            yield from (found["Prefix"][len(prefix) : -1] for found in answer.get("CommonPrefixes", ()))

    def _pages(self, prefix: str, **asked: Any) -> Iterator["ListObjectsV2OutputTypeDef"]:
        while True:
            with self._call("s3:ListBucket", prefix):
                answer = self._clients.s3().list_objects_v2(Bucket=self.name, Prefix=prefix, **asked)
            yield answer
            if not answer.get("IsTruncated"):
                return
            asked["ContinuationToken"] = answer["NextContinuationToken"]

    def _put(self, key: str, body: bytes, **condition: Any) -> str | None:
        for _ in range(_TRIES):
            with self._call("s3:PutObject", key, {*_ABSENT, _LOST, _TORN} if condition else ()) as call:
                return self._clients.s3().put_object(Bucket=self.name, Key=key, Body=body, **condition)["ETag"]
            if call.met != _TORN:
                return None
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"others keep writing {key} at the same time")

    def _call(self, action: str, key: str, expected: Collection[str] = ()) -> AwsCall:
        return AwsCall(action, f"{self.name}/{key}", expected=expected)
