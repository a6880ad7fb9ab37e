"""Copies an image to another name, in the same registry or in another one.

The manifests are uploaded unchanged, so the digest stays the same
(https://github.com/opencontainers/distribution-spec/blob/main/spec.md). Blobs are mounted from the source repository;
between registries, or if the registry refuses to mount, they are downloaded and uploaded in chunks.
"""

from typing import Final
from urllib.parse import urlencode, urljoin

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference, Repository
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.documents import parsed_manifest
from boatyard_registry.media import ACCEPT, Descriptor, Manifest, is_digest_of
from boatyard_registry.transport import Answer

_PIECE: Final = 16 * 1024 * 1024
_PUSH: Final = "pull,push"
_DEEPEST: Final = 3
"""An index of images is two levels; some registries nest one more."""


def copy(client: RegistryClient, source: Reference, target: Reference) -> None:
    """Makes `target` resolve to the image of `source`, which has a digest.

    Raises PUSH_DENIED, TAG_IMMUTABLE, REGISTRY_UNAVAILABLE or REGISTRY_DENIED.
    """
    _copy(client, source, target, target.tag or "", deep=0)


def _copy(client: RegistryClient, source: Reference, target: Reference, name: str, *, deep: int) -> None:
    body, kind, manifest = _manifest(client, source)
    if source.repository != target.repository:
        for entry in manifest.manifests or ():
            if deep == _DEEPEST:
                raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{source} nests too deeply")
            inner = Reference.parse(f"{source.repository}@{entry.digest}")
            _copy(client, inner, target, entry.digest, deep=deep + 1)
        for blob in (*((manifest.config,) if manifest.config else ()), *(manifest.layers or ())):
            _blob(client, source.repository, target.repository, blob)
    answer = client.send(
        RegistryCall(
            method="PUT",
            repository=target.repository,
            path=f"manifests/{name}",
            actions=_PUSH,
            headers={"content-type": kind},
            body=body,
        )
    )
    _check(answer, target, (201, 200, 202))


def _manifest(client: RegistryClient, source: Reference) -> tuple[bytes, str, Manifest]:
    answer = client.send(
        RegistryCall(
            method="GET", repository=source.repository, path=f"manifests/{source.digest}", headers={"accept": ACCEPT}
        )
    )
    if answer.status != 200:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, f"{source} cannot be read: the registry answered {answer.status}"
        )
    if not is_digest_of(source.digest or "", answer.body):
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"the registry sent something that is not {source}")
    manifest = parsed_manifest(source, answer.body)
    kind = manifest.media_type or answer.headers.get("content-type", "").partition(";")[0].strip()
    return answer.body, kind, manifest


def _blob(client: RegistryClient, source: Repository, target: Repository, blob: Descriptor) -> None:
    Reference.parse(f"{source}@{blob.digest}")  # the registry's digest becomes part of a path
    head = client.send(RegistryCall(method="HEAD", repository=target, path=f"blobs/{blob.digest}", actions=_PUSH))
    if head.status == 200:
        return
    query = {"mount": blob.digest, "from": source.path} if source.host == target.host else {}
    path = "blobs/uploads/" + (f"?{urlencode(query)}" if query else "")
    begun = client.send(RegistryCall(method="POST", repository=target, path=path, actions=_PUSH, body=b""))
    _check(begun, Reference(target), (201, 202))
    if begun.status == 201:
        return
    place = _location(begun, target)
    for start in range(0, blob.size, _PIECE):
        end = min(start + _PIECE, blob.size)
        piece = _piece(client, source, blob, start, end)
        sent = client.send(
            RegistryCall(
                method="PATCH",
                repository=target,
                path=place,
                actions=_PUSH,
                headers={"content-type": "application/octet-stream", "content-range": f"{start}-{end - 1}"},
                body=piece,
            )
        )
        _check(sent, Reference(target), (202, 201, 204))
        place = _location(sent, target)
    joint = "&" if "?" in place else "?"
    done = client.send(
        RegistryCall(
            method="PUT",
            repository=target,
            path=f"{place}{joint}{urlencode({'digest': blob.digest})}",
            actions=_PUSH,
            body=b"",
        )
    )
    _check(done, Reference(target), (201, 204))


def _piece(client: RegistryClient, source: Repository, blob: Descriptor, start: int, end: int) -> bytes:
    answer = client.send(
        RegistryCall(
            method="GET",
            repository=source,
            path=f"blobs/{blob.digest}",
            headers={"range": f"bytes={start}-{end - 1}"},
            limit=_PIECE,
        )
    )
    whole = answer.status == 200 and start == 0 and end == blob.size
    if not (answer.status == 206 or whole) or len(answer.body) != end - start:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{source} does not give {blob.digest} in pieces")
    return answer.body


def _location(answer: Answer, target: Repository) -> str:
    location = answer.headers.get("location")
    if not location:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{target} says no place to upload to")
    return urljoin(answer.url, location)


def _check(answer: Answer, target: Reference, good: tuple[int, ...]) -> None:
    if answer.status in good:
        return
    text = answer.body[:4096].decode("utf-8", "replace")
    if answer.status in (400, 409, 412) and ("immutab" in text.lower() or answer.status != 400):
        raise BoatyardError(Code.TAG_IMMUTABLE, f"the registry lets no other image take the place of {target}")
    if answer.status in (401, 403):
        raise BoatyardError(Code.PUSH_DENIED, f"the registry refuses the push to {target.repository}")
    if answer.status == 404:
        raise BoatyardError(Code.PUSH_DENIED, f"the registry has no repository {target.repository}")
    raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"the push to {target.repository} was answered by {answer.status}")
