"""A bucket of Cloud Storage, over the JSON API.

Cloud Storage is strongly consistent, and a write with ifGenerationMatch happens once however many try
(https://cloud.google.com/storage/docs/request-preconditions). An object can be written once a second; a write that
comes sooner gets 429 and is repeated.
"""

import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from boatyard_gcp.faults import NeededRole
from boatyard_gcp.rest import GoogleCall, GoogleRest
from boatyard_serverless.ports import Stored
from boatyard_serverless.rest import segment

ROLE: Final = "roles/storage.objectUser"
_ABSENT: Final = frozenset({404})
_LOST: Final = frozenset({404, 412})
_LARGEST: Final = 64 * 1024**2
_MARK: Final = "boatyard-write"


class _Object(msgspec.Struct, frozen=True):
    name: str = ""
    generation: str = ""
    metadata: Mapping[str, str] = {}


class _Page(msgspec.Struct, frozen=True):
    items: tuple[_Object, ...] = ()
    prefixes: tuple[str, ...] = ()
    next_page_token: str = msgspec.field(name="nextPageToken", default="")


class GcsBucket:
    """Implements `boatyard_serverless.ports.Bucket`. Versions are generations."""

    def __init__(self, rest: GoogleRest, name: str) -> None:
        self._rest = rest
        self.name = name
        self._is_there = False
        self._lock = threading.Lock()

    def get(self, key: str) -> Stored | None:
        reply = self._rest.send(self._call("GET", key, {"alt": "media"}, limit=_LARGEST))
        if reply.status == 404:
            self._check_bucket()
            return None
        return Stored(reply.body, reply.headers.get("x-goog-generation", ""))

    def has(self, key: str) -> bool:
        return self.generation(key) is not None

    def generation(self, key: str) -> str | None:
        """The object's generation; None if there is no object."""
        call = self._call("GET", key, {"fields": "generation"})
        reply = self._rest.send(call)
        if reply.status == 404:
            self._check_bucket()
            return None
        return self._rest.decode(call, reply, _Object).generation

    def put(self, key: str, body: bytes) -> None:
        self._upload(key, body, {})

    def create(self, key: str, body: bytes) -> str | None:
        return self._upload(key, body, {"ifGenerationMatch": "0"})

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        return self._upload(key, body, {"ifGenerationMatch": version})

    def delete(self, key: str) -> None:
        if self._rest.send(self._call("DELETE", key, {})).status == 404:
            self._check_bucket()

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        query: dict[str, str | int] = {"prefix": prefix, "maxResults": page, "fields": "items(name),nextPageToken"}
        if after:
            query["startOffset"] = after
        for found in self._pages(query):
            yield from (item.name for item in found.items if item.name != after)

    def folders(self, prefix: str) -> Iterator[str]:
        query: dict[str, str | int] = {"prefix": prefix, "delimiter": "/", "fields": "prefixes,nextPageToken"}
        for found in self._pages(query):
            yield from (folder[len(prefix) : -1] for folder in found.prefixes)

    def _pages(self, query: dict[str, str | int]) -> Iterator[_Page]:
        token = ""
        while True:
            found = self._rest.read(self._list({**query, "pageToken": token} if token else query), _Page)
            yield found
            token = found.next_page_token
            if not token:
                return

    def _upload(self, key: str, body: bytes, condition: Mapping[str, str]) -> str | None:
        """The new generation; None if the condition does not hold.

        If the answer to a write was lost, the repeat fails because of that write. The mark distinguishes it from
        another writer's.
        """
        mark = secrets.token_hex(8)
        resource = {"name": key, "metadata": {_MARK: mark}, "contentType": "application/octet-stream"}
        kind, content = _multipart(resource, body)
        call = GoogleCall(
            api="storage",
            method="POST",
            path=f"/upload/storage/v1/b/{segment(self.name)}/o",
            query={"uploadType": "multipart", "fields": "generation", **condition},
            body=content,
            content_type=kind,
            need=self._need("create", key),
            answers=_LOST if condition else frozenset(),
        )
        reply = self._rest.send(call)
        if reply.status == 412:
            return self._own(key, mark) if reply.uncertain else None
        if reply.status == 404:  # the object to replace is gone, or the bucket is
            self._check_bucket()
            return None
        return self._rest.decode(call, reply, _Object).generation

    def _own(self, key: str, mark: str) -> str | None:
        call = self._call("GET", key, {"fields": "generation,metadata"})
        reply = self._rest.send(call)
        if reply.status == 404:
            return None
        found = self._rest.decode(call, reply, _Object)
        return found.generation if found.metadata.get(_MARK) == mark else None

    def _check_bucket(self) -> None:
        """Raises DATAPLANE_UNAVAILABLE if the bucket is missing, which gives the same 404 as a missing object. Checks
        only once."""
        with self._lock:
            if not self._is_there:
                self._rest.send(self._list({"maxResults": 1, "fields": "kind"}))
                self._is_there = True

    def _call(self, method: str, key: str, query: Mapping[str, str], *, limit: int = 1024**2) -> GoogleCall:
        return GoogleCall(
            api="storage",
            method=method,
            path=f"/storage/v1/b/{segment(self.name)}/o/{segment(key)}",
            query=query,
            need=self._need({"GET": "get", "DELETE": "delete"}[method], key),
            answers=_ABSENT,
            limit=limit,
        )

    def _list(self, query: Mapping[str, str | int]) -> GoogleCall:
        path = f"/storage/v1/b/{segment(self.name)}/o"
        return GoogleCall(api="storage", method="GET", path=path, query=query, need=self._need("list", ""))

    def _need(self, verb: str, key: str) -> NeededRole:
        return NeededRole(
            permission=f"storage.objects.{verb}",
            resource=f"bucket {self.name}" + (f", object {key}" if key else ""),
            role=ROLE,
            grant=f"gcloud storage buckets add-iam-policy-binding gs://{self.name}",
        )


def _multipart(resource: Mapping[str, Any], body: bytes) -> tuple[str, bytes]:
    """Content type and body of an upload with metadata
    (https://cloud.google.com/storage/docs/uploading-objects#uploading-an-object)."""
    edge = secrets.token_hex(16)
    head = f"--{edge}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n".encode()
    middle = f"\r\n--{edge}\r\ncontent-type: application/octet-stream\r\n\r\n".encode()
    content = b"".join((head, msgspec.json.encode(resource), middle, body, f"\r\n--{edge}--\r\n".encode()))
    return f"multipart/related; boundary={edge}", content
