"""The resources of a real account for the contract suites. The README in this folder lists the variables."""

import os
import uuid
from collections.abc import Iterator
from typing import Final

import pytest

from boatyard_serverless.ports import Bucket, Stored

FRESH: Final = f"boatyard-live-{uuid.uuid4().hex[:12]}"
"""What this run makes begins with it."""


def live(cloud: str) -> pytest.MarkDecorator:
    """Marks tests that run against a real account of the cloud, only if BOATYARD_LIVE names it."""
    reason = f"BOATYARD_LIVE={cloud} runs it against a real account; tests/contract/README.md says how"
    return pytest.mark.skipif(os.environ.get("BOATYARD_LIVE") != cloud, reason=reason)


def named(variable: str) -> str:
    """The resource that a variable names. Skips the test without it."""
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"{variable} is not set; tests/contract/README.md says what it names")
    return value


class Below:
    """A prefix of a bucket used as a whole bucket, so that the suites see no other objects."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def get(self, key: str) -> Stored | None:
        return self._bucket.get(self._prefix + key)

    def has(self, key: str) -> bool:
        return self._bucket.has(self._prefix + key)

    def put(self, key: str, body: bytes) -> None:
        self._bucket.put(self._prefix + key, body)

    def create(self, key: str, body: bytes) -> str | None:
        return self._bucket.create(self._prefix + key, body)

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        return self._bucket.replace(self._prefix + key, body, version)

    def delete(self, key: str) -> None:
        self._bucket.delete(self._prefix + key)

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        start = self._prefix + after if after else ""
        for key in self._bucket.keys(self._prefix + prefix, after=start, page=page):
            yield key.removeprefix(self._prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        return self._bucket.folders(self._prefix + prefix)

    def empty(self) -> None:
        for key in list(self.keys("")):
            self.delete(key)
