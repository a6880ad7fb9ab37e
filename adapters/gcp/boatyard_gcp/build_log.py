"""Reads a build's log page by page from the bucket, while Cloud Build writes it.

https://cloud.google.com/build/docs/securing-builds/store-view-build-logs: the object is `log-<id>.txt`, and grows with
the build (logStreamingOption).
"""

import re
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from boatyard.errors import invalid
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.builds.growing_log import BeyondTheEnd, growing_page
from boatyard_serverless.ports import RawLog
from boatyard_serverless.rest import segment

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]\Z")
_FOLDER: Final = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*\Z")
_NOT_THERE: Final = 404
_BEYOND_THE_END: Final = 416


class BucketLog:
    def __init__(self, rest: GoogleRest, place: str) -> None:
        """`place` is `gs://bucket` or `gs://bucket/folder`. Raises INVALID_SPEC for anything else."""
        parts = urlsplit(place)
        path = parts.path.rstrip("/")
        if parts.scheme != "gs" or not _BUCKET.match(parts.netloc) or not _FOLDER.match(path) or parts.query:
            raise invalid(f"{place!r} is not a location for logs, such as gs://bucket or gs://bucket/folder")
        self._rest = rest
        self._bucket = parts.netloc
        self._folder = path[1:] + "/" if path else ""

    def page(self, build: str, cursor: str) -> RawLog | None:
        """`build` is Cloud Build's id. Raises INVALID_SPEC for a cursor that this method did not return."""
        return growing_page(partial(self._read, f"{self._folder}log-{build}.txt"), cursor)

    def _read(self, key: str, first: int, last: int) -> bytes | None:
        call = GoogleCall(
            api="storage",
            method="GET",
            path=f"/storage/v1/b/{segment(self._bucket)}/o/{segment(key)}",
            query={"alt": "media"},
            headers={"range": f"bytes={first}-{last}"},
            need=NeededRole(
                permission="storage.objects.get",
                resource=f"bucket {self._bucket}, object {key}",
                role="roles/storage.objectViewer",
                grant=f"gcloud storage buckets add-iam-policy-binding gs://{self._bucket}",
            ),
            answers=frozenset({_NOT_THERE, _BEYOND_THE_END}),
        )
        reply = self._rest.send(call)
        if reply.status == _BEYOND_THE_END:
            raise BeyondTheEnd
        return None if reply.status == _NOT_THERE else reply.body
