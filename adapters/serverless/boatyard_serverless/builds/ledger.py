"""Stores the records of all builds in the bucket, with sorted lists beside them: all builds and each project's, newest
first, and open builds."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from boatyard.build import BUILD_ID, Build
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import invalid
from boatyard.ports import BuildQuery, Scope
from boatyard_serverless import keys
from boatyard_serverless.builds.merging import merged
from boatyard_serverless.builds.record import BucketRecord, StoredRecord
from boatyard_serverless.ports import Bucket

_log = logging.getLogger(__name__)
_RECORD: Final = "record"
_END_OF_TIME: Final = 10**17 - 1
"""Microseconds, in 17 digits: counted down from here, the newest build sorts first."""
_TOKEN: Final = re.compile(rf"[0-9]{{17}}\.{BUILD_ID}\Z")


class BucketLedger:
    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._last = 0
        self._lock = threading.Lock()

    def get(self, build_id: str) -> StoredRecord | None:
        folder = keys.build_folder(build_id)
        stored = self.bucket.get(folder + _RECORD) if folder else None
        if stored is None:
            return None
        try:
            return StoredRecord(decode_json(stored.body, BucketRecord), stored.version)
        except Undecodable as error:
            _log.warning("the record of build %s cannot be read: %s", build_id, error)
            return None

    def attempts(self, tag: str) -> int:
        """The number of the newest attempt, readable or not; 0 without attempts."""
        folder = keys.attempts(tag)
        found = (key.split("/")[2] for key in self.bucket.keys(folder) if key.endswith(f"/{_RECORD}"))
        return max(map(int, found), default=0)

    def create(self, record: BucketRecord) -> StoredRecord | None:
        """Returns None if another caller has created this attempt."""
        version = self.bucket.create(self._key(record.build), msgspec.json.encode(record))
        return StoredRecord(record, version) if version else None

    def replace(self, held: StoredRecord, record: BucketRecord) -> StoredRecord | None:
        """Returns None if another writer was faster; then the newer version has to be read."""
        version = self.bucket.replace(self._key(held.record.build), msgspec.json.encode(record), held.version)
        return StoredRecord(record, version) if version else None

    def announce(self, build: Build) -> None:
        """Adds the build to all lists. Safe to repeat: readers skip duplicate entries."""
        name = f"{self._place(build)}.{build.id}"
        self.bucket.put(keys.opened(build.project, build.domain, build.id), b"")
        self.bucket.put(keys.BUILDS + name, b"")
        self.bucket.put(keys.builds_of(build.project, build.domain) + name, b"")

    def close(self, build: Build) -> None:
        self.bucket.delete(keys.opened(build.project, build.domain, build.id))

    def open(self) -> list[tuple[Scope, str]]:
        """The scope and id of each build whose end has not been observed."""
        found = (keys.open_parts(key) for key in self.bucket.keys(keys.OPEN))
        return [(Scope(parts[0], parts[1]), parts[2]) for parts in found if parts]

    def newest_first(self, query: BuildQuery, *, page: int) -> Iterator[tuple[str, str]]:
        """Yields (page token, build id) of the builds within the query. Raises INVALID_SPEC for a token that was not
        issued here.

        It reads nothing that the caller may not see, so that neither tokens nor response times reveal it.
        """
        token = query.page_token
        if token and not _TOKEN.match(token):
            raise invalid(f"{token[:40]!r} was not issued here", field="pageToken")
        seen: set[str] = set()
        for name in merged(self.bucket, self._lists(query), after=token, page=page):
            build_id = name.partition(".")[2]
            if build_id not in seen:
                seen.add(build_id)
                yield name, build_id

    def _lists(self, query: BuildQuery) -> list[str]:
        """The folders that hold the builds within a query, and no others."""
        if query.project is None and query.domain is None and not query.visible:
            return [keys.BUILDS]
        scopes = (name.partition(".") for name in self.bucket.folders(keys.BUILDS_OF))
        return [keys.builds_of(project, domain) for project, _, domain in scopes if query.within(project, domain)]

    def document(self, build_id: str, name: str) -> bytes | None:
        """Reads a document that the job wrote: `started`, `progress` or `result`."""
        folder = keys.build_folder(build_id)
        stored = self.bucket.get(folder + name) if folder else None
        return stored.body if stored else None

    def write(self, build_id: str, name: str) -> Callable[[bytes], None]:
        folder = keys.build_folder(build_id)
        return lambda body: self.bucket.put(f"{folder}{name}", body)

    def _place(self, build: Build) -> str:
        """A sort key that puts later calls first, even within one tick of the clock."""
        with self._lock:
            self._last = max(self._last + 1, int(build.created_at * 1_000_000))
            return f"{_END_OF_TIME - self._last:017d}"

    @staticmethod
    def _key(build: Build) -> str:
        return f"{keys.build_folder(build.id)}{_RECORD}"
