"""A build's log out of the bucket that Cloud Build writes it to, page by page, while it is written.

https://cloud.google.com/build/docs/securing-builds/store-view-build-logs: the object is `log-<id>.txt`, and grows with
the build (logStreamingOption). A cursor is an offset in it.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from boatyard.errors import BoatyardError, invalid
from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.builds.log import END
from boatyard_serverless.ports import RawLog
from boatyard_serverless.rest import segment

BEGIN: Final = "boatyard: begin of log"
"""The step's first line. Before it and after END are Cloud Build's own lines."""
_CURSOR: Final = re.compile(r"[1-9][0-9]{0,14}\Z", re.ASCII)
_PAGE_BYTES: Final = 256 * 1024
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
            raise invalid(f"{place!r} is no place for logs, such as gs://bucket or gs://bucket/folder")
        self._rest = rest
        self._bucket = parts.netloc
        self._folder = path[1:] + "/" if path else ""

    def page(self, build: str, cursor: str) -> RawLog | None:
        """`build` is Cloud Build's id. Raises INVALID_SPEC for a cursor that was not given out here."""
        if cursor and not _CURSOR.match(cursor):
            raise invalid(f"{cursor[:40]!r} was not given out here", field="cursor")
        start = int(cursor or 0)
        found = self._read(f"{self._folder}log-{build}.txt", start)
        if found is None:
            return None
        is_full = len(found) >= _PAGE_BYTES - 1
        lines = _lines(found, cut=is_full)
        if not start:
            begin = next((end for line, end in lines if line == BEGIN), None)
            if begin is None:
                return None
            start, lines = begin, _lines(found[begin:], cut=is_full)
        end = start
        kept: list[str] = []
        for line, after in lines:
            kept.append(line)
            if line == END:  # the next question begins with it, and so learns again that there is no more
                return RawLog(tuple(kept), str(end))
            end = start + after
        return RawLog(tuple(kept), str(end))

    def _read(self, key: str, start: int) -> bytes | None:
        """What is there from `start` on; None while there is no log."""
        before = max(start - 1, 0)  # the byte before has to be there: else nobody gave out this cursor
        call = GoogleCall(
            api="storage",
            method="GET",
            path=f"/storage/v1/b/{segment(self._bucket)}/o/{segment(key)}",
            query={"alt": "media"},
            headers={"range": f"bytes={before}-{before + _PAGE_BYTES - 1}"},
            need=NeededRole(
                permission="storage.objects.get",
                resource=f"bucket {self._bucket}, object {key}",
                role="roles/storage.objectViewer",
                grant=f"gcloud storage buckets add-iam-policy-binding gs://{self._bucket}",
            ),
            answers=frozenset({_NOT_THERE, _BEYOND_THE_END}),
        )
        reply = self._rest.send(call)
        if reply.status == _BEYOND_THE_END and start:
            raise _not_given_out()
        if reply.status in (_NOT_THERE, _BEYOND_THE_END):
            return None
        return reply.body[start - before :]


def _not_given_out() -> BoatyardError:
    return invalid("this cursor is no longer valid; begin with an empty one", field="cursor")


def _lines(text: bytes, *, cut: bool) -> list[tuple[str, int]]:
    """Whole lines, each with the offset after it. `cut`: one that fills the page is given in parts."""
    lines: list[tuple[str, int]] = []
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        lines.append((text[start:end].rstrip(b"\r").decode(errors="replace"), end + 1))
        start = end + 1
    if not lines and cut and text:
        lines.append((text.decode(errors="replace"), len(text)))
    return lines
