"""One container of Blob Storage, over its REST API.

Blob Storage is strongly consistent, and of concurrent writes with If-None-Match: * one is made
(https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations).
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

from boatyard_azure.faults import NeededAzureRole, explained, id_of_account, refusal_of
from boatyard_azure.rest import AzureCall, AzureRest
from boatyard_azure.xml import UnreadableXml, parse, text
from boatyard_serverless.ports import Stored
from boatyard_serverless.rest import Reply

ROLE: Final = "Storage Blob Data Contributor"
_ACTIONS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_ABSENT: Final = frozenset({404})
_LOST: Final = frozenset({404, 409, 412})
_LARGEST: Final = 64 * 1024**2
_MARK: Final = "x-ms-meta-boatyard_write"
_MISSING_BLOB: Final = "BlobNotFound"
_TAKEN: Final = frozenset({"BlobAlreadyExists", "ConditionNotMet", "UnauthorizedBlobOverwrite"})


class BlobBucket:
    """Implements `boatyard_serverless.ports.Bucket`. Versions are ETags."""

    def __init__(self, rest: AzureRest, account: str, container: str) -> None:
        self._rest = rest
        self.account = account
        self.container = container
        self._address = f"{rest.endpoints.blob(account)}/{quote(container, safe='$')}"

    def address(self, key: str) -> str:
        """The blob's address, quoted."""
        return f"{self._address}/{quote(key, safe='/~')}"

    def get(self, key: str) -> Stored | None:
        reply = self._found(self._call("GET", key, limit=_LARGEST))
        return Stored(reply.body, reply.headers.get("etag", "")) if reply else None

    def has(self, key: str) -> bool:
        return self._found(self._call("HEAD", key)) is not None

    def put(self, key: str, body: bytes) -> None:
        self._rest.send(self._upload(key, body, secrets.token_hex(8), {}))

    def create(self, key: str, body: bytes) -> str | None:
        return self._write(key, body, {"if-none-match": "*"})

    def replace(self, key: str, body: bytes, version: str) -> str | None:
        return self._write(key, body, {"if-match": version})

    def delete(self, key: str) -> None:
        self._found(self._call("DELETE", key, headers={"x-ms-delete-snapshots": "include"}))

    def keys(self, prefix: str, *, after: str = "", page: int = 1000) -> Iterator[str]:
        """Azure's lists begin at the prefix: all pages before `after` are read too."""
        for found in self._pages({"prefix": prefix, "maxresults": page}):
            yield from (key for key in map(_name, found.iterfind("Blobs/Blob")) if key > after)

    def folders(self, prefix: str) -> Iterator[str]:
        for found in self._pages({"prefix": prefix, "delimiter": "/"}):
            yield from (_name(folder)[len(prefix) : -1] for folder in found.iterfind("Blobs/BlobPrefix"))

    def _pages(self, query: Mapping[str, str | int]) -> Iterator[Element]:
        """One list is many requests; its marker is the service's own."""
        need = self._need("read", f"container {self.container} of storage account {self.account}")
        marker = ""
        while True:
            asked = {"restype": "container", "comp": "list", **query, **({"marker": marker} if marker else {})}
            call = AzureCall(method="GET", address=self._address, audience="storage", query=asked, need=need)
            try:
                found = parse(self._rest.send(call).body)
            except UnreadableXml:
                raise self._rest.unreachable(call, "its list cannot be read") from None
            yield found
            marker = text(found, "NextMarker")
            if not marker:
                return

    def _write(self, key: str, body: bytes, condition: Mapping[str, str]) -> str | None:
        """The new version; None if the condition does not hold.

        After a lost answer our own write is what the condition then fails on: the mark tells it from another's.
        """
        mark = secrets.token_hex(8)
        call = self._upload(key, body, mark, condition)
        reply = self._rest.send(call)
        if reply.status not in _LOST:
            return reply.headers.get("etag", "")
        word = self._word(reply)
        if word not in _TAKEN and word != _MISSING_BLOB:
            raise self._refused(call, reply)
        return self._own(key, mark) if reply.uncertain else None

    def _own(self, key: str, mark: str) -> str | None:
        reply = self._found(self._call("HEAD", key))
        return reply.headers.get("etag") if reply and reply.headers.get(_MARK) == mark else None

    def _found(self, call: AzureCall) -> Reply | None:
        """None if there is no such blob. A missing container is an error."""
        reply = self._rest.send(call)
        if reply.status != 404:
            return reply
        if self._word(reply) == _MISSING_BLOB:
            return None
        raise self._refused(call, reply)

    def _refused(self, call: AzureCall, reply: Reply) -> Exception:
        return explained(refusal_of(reply.status, reply.headers, reply.body), call.need, call.codes)

    def _word(self, reply: Reply) -> str:
        return refusal_of(reply.status, reply.headers, reply.body).word

    def _upload(self, key: str, body: bytes, mark: str, condition: Mapping[str, str]) -> AzureCall:
        return AzureCall(
            method="PUT",
            address=self.address(key),
            audience="storage",
            headers={"x-ms-blob-type": "BlockBlob", _MARK: mark, **condition},
            body=body,
            content_type="application/octet-stream",
            need=self._need("write", self._blob(key)),
            answers=_LOST if condition else frozenset(),
        )

    def _call(
        self, method: str, key: str, *, headers: Mapping[str, str] | None = None, limit: int = 1024**2
    ) -> AzureCall:
        return AzureCall(
            method=method,
            address=self.address(key),
            audience="storage",
            headers=headers or {},
            need=self._need("delete" if method == "DELETE" else "read", self._blob(key)),
            answers=_ABSENT,
            limit=limit,
        )

    def _blob(self, key: str) -> str:
        return f"container {self.container} of storage account {self.account}, blob {key}"

    def _need(self, verb: str, resource: str) -> NeededAzureRole:
        return NeededAzureRole(
            permission=f"{_ACTIONS}/{verb}",
            resource=resource,
            role=ROLE,
            scope=f"{id_of_account(self.account)}/blobServices/default/containers/{self.container}",
        )


def _name(item: Element) -> str:
    """Names that XML cannot hold come percent-encoded."""
    name = item.find("Name")
    if name is None:
        return ""
    said = name.text or ""
    return unquote(said) if name.get("Encoded") == "true" else said
