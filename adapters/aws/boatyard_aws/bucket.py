"""One bucket, with the few operations that are needed of it.

S3 is strongly consistent, and `If-None-Match: *` and `If-Match` make a write happen once however many
try (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from boatyard.errors import BoatyardError, Code
from boatyard_aws.clients import Clients
from boatyard_aws.faults import code_of, explained
from boatyard_serverless.ports import Stored

_ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_LOST: Final = "PreconditionFailed"
_TORN: Final = "ConditionalRequestConflict"
"""Another conditional write was under way at the same time; S3 asks to repeat."""
_TRIES: Final = 3


class S3Bucket:
    """Implements `boatyard_serverless.ports.Bucket`. Versions are ETags."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self.name = name

    def get(self, key: str) -> Stored | None:
        from botocore.exceptions import ClientError

        with self._explained("s3:GetObject", key):
            try:
                answer = self._clients.s3().get_object(Bucket=self.name, Key=key)
                return Stored(answer["Body"].read(), answer["ETag"])
            except ClientError as error:
                if code_of(error) in _ABSENT:
                    return None
                raise

    def has(self, key: str) -> bool:
        """Without s3:ListBucket, S3 answers 403 for what is not there: that permission is needed as well."""
        from botocore.exceptions import ClientError

        with self._explained("s3:GetObject and s3:ListBucket", key):
            try:
                self._clients.s3().head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if code_of(error) in _ABSENT:
                    return False
                raise
        return True

    def put(self, key: str, body: bytes) -> None:
        self._put(key, body)

    def create(self, key: str, body: bytes) -> str | None:
        return self._put(key, body, IfNoneMatch="*")

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        return self._put(key, body, IfMatch=version)

    def delete(self, key: str) -> None:
        with self._explained("s3:DeleteObject", key):
            self._clients.s3().delete_object(Bucket=self.name, Key=key)

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        token: dict[str, Any] = {"StartAfter": after} if after else {}
        while True:
            with self._explained("s3:ListBucket", prefix):
                answer = self._clients.s3().list_objects_v2(Bucket=self.name, Prefix=prefix, MaxKeys=page, **token)
            yield from (found["Key"] for found in answer.get("Contents", ()))
            if not answer.get("IsTruncated"):
                return
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def folders(self, prefix: str) -> Iterator[str]:
        token: dict[str, Any] = {}
        while True:
            with self._explained("s3:ListBucket", prefix):
                answer = self._clients.s3().list_objects_v2(Bucket=self.name, Prefix=prefix, Delimiter="/", **token)
            yield from (found["Prefix"][len(prefix) : -1] for found in answer.get("CommonPrefixes", ()))
            if not answer.get("IsTruncated"):
                return
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def _put(self, key: str, body: bytes, **condition: Any) -> str | None:
        from botocore.exceptions import ClientError

        with self._explained("s3:PutObject", key):
            for attempt in range(1, _TRIES + 1):
                try:
                    return self._clients.s3().put_object(Bucket=self.name, Key=key, Body=body, **condition)["ETag"]
                except ClientError as error:
                    code = code_of(error)
                    if condition and (code == _LOST or code in _ABSENT):
                        return None
                    if code != _TORN or attempt == _TRIES:
                        raise
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"S3 did not take {key}")

    def _explained(self, action: str, key: str) -> AbstractContextManager[None]:
        resource = f"{self.name}/{key}"
        return explained(action, resource, unavailable=Code.DATAPLANE_UNAVAILABLE, denied=Code.DATAPLANE_DENIED)
