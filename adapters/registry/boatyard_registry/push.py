"""Pushes an OCI layout: what is there stays, blobs go up in parallel, manifests follow, the tag comes last."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import quote, urljoin

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry.client import Call, RegistryClient
from boatyard_registry.layout import Layout, Node, media_type
from boatyard_registry.media import Descriptor
from boatyard_registry.registry import OciRegistry, refusal
from boatyard_registry.transport import Answer

_ACTIONS: Final = "pull,push"
_PARALLEL: Final = 4
_PIECE: Final = 1024 * 1024
_COMMIT_SECONDS: Final = 300.0
"""A registry may check or move a large blob before it answers."""


def push_layout(
    registry: OciRegistry,
    folder: Path,
    reference: Reference,
    *,
    pushed: Callable[[Descriptor, bool], None] = lambda blob, existed: None,
) -> str:
    """Pushes the layout's image to `reference` (with a tag) and returns its digest.

    `pushed` is told of each blob, from several threads. Raises PUSH_DENIED, REGISTRY_UNAVAILABLE, or
    INTERNAL for a broken layout. Safe to repeat: nothing points to a blob before all of them are there.
    """
    layout = Layout(folder)
    nodes = list(layout.walk(layout.root()))
    blobs = {blob.digest: blob for node in nodes for blob in node.blobs}
    push = _Push(registry.client, reference)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        tasks = [pool.submit(push.blob, layout.blob(blob), blob, pushed) for blob in blobs.values()]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for node in nodes[:-1]:
        push.manifest(node, node.descriptor.digest)
    top = nodes[-1]
    push.manifest(top, reference.tag or top.descriptor.digest)
    return top.descriptor.digest


class _Push:
    def __init__(self, client: RegistryClient, reference: Reference) -> None:
        self._client = client
        self._reference = reference

    def blob(self, path: Path, blob: Descriptor, pushed: Callable[[Descriptor, bool], None]) -> None:
        if self._has(blob):
            pushed(blob, True)
            return
        start = self._send("POST", "blobs/uploads/", headers={"content-length": "0"})
        location = start.headers.get("location")
        if start.status != 202 or not location:
            raise self._refused(start)
        where = urljoin(start.url, location)
        joint = "&" if "?" in where else "?"
        answer = self._send(
            "PUT",
            f"{where}{joint}digest={quote(blob.digest, safe='')}",
            headers={"content-type": "application/octet-stream", "content-length": str(blob.size)},
            body=lambda: _pieces(path),
        )
        if answer.status not in (201, 204):
            raise self._refused(answer)
        self._check(answer, blob.digest)
        pushed(blob, False)

    def manifest(self, node: Node, name: str) -> None:
        answer = self._send(
            "PUT",
            f"manifests/{name}",
            headers={"content-type": media_type(node), "content-length": str(len(node.body))},
            body=lambda: [node.body],
        )
        if answer.status != 201:
            raise self._refused(answer)
        self._check(answer, node.descriptor.digest)

    def _has(self, blob: Descriptor) -> bool:
        answer = self._send("HEAD", f"blobs/{blob.digest}")
        if answer.status in (200, 404):
            return answer.status == 200
        raise self._refused(answer)

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: Callable[[], Iterator[bytes] | list[bytes]] | None = None,
    ) -> Answer:
        call = Call(
            method=method,
            repository=self._reference.repository,
            path=path,
            actions=_ACTIONS,
            headers=headers or {},
            body=body,
            read_seconds=_COMMIT_SECONDS if method == "PUT" else 10.0,
        )
        try:
            return self._client.send(call)
        except BoatyardError as error:
            raise _as_push(error) from None

    def _refused(self, answer: Answer) -> BoatyardError:
        return _as_push(refusal(self._reference, answer))

    def _check(self, answer: Answer, digest: str) -> None:
        """The header is optional; where it is sent it must agree."""
        claimed = answer.headers.get("docker-content-digest")
        if claimed and claimed != digest:
            raise BoatyardError(
                "REGISTRY_UNAVAILABLE",
                f"the registry {self._reference.repository.host} stored {claimed} where {digest} was sent",
            )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _as_push(error: BoatyardError) -> BoatyardError:
    if error.code == "REGISTRY_DENIED":
        return BoatyardError("PUSH_DENIED", error.detail)
    return error
