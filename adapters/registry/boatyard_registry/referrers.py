"""Attaches documents to images, and finds them.

A document is an artifact whose `subject` is the image (OCI image spec v1.1). A registry that knows the referrers API
says so in its answer to the push, by OCI-Subject. For others the client keeps the list, an index under the tag that the
distribution spec derives from the image's digest.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urljoin

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.deadline import Deadline
from boatyard_registry.documents import is_digest
from boatyard_registry.media import ACCEPT, INDEX_TYPES, MANIFEST_TYPES, Descriptor, is_digest_of, sha256_of
from boatyard_registry.origin import same_origin
from boatyard_registry.refusals import garbage, is_absent, refusal
from boatyard_registry.transport import Answer

_INDEX: Final = INDEX_TYPES[0]
_MANIFEST: Final = MANIFEST_TYPES[0]
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
EMPTY: Final = b"{}"
_MOST_PAGES: Final = 8
_MOST_READ: Final = 8
"""Documents of one type and image that are opened. Whoever may push can attach any number."""
_ERROR: Final = 64 * 1024
"""Bytes that an error may have instead of a small document."""
_WRITES: Final = 5
"""Attempts to add an entry to the list while others add theirs."""


class Listed(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An entry of the list of an image's documents."""

    media_type: str = ""
    digest: str
    size: int
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class _List(msgspec.Struct, frozen=True, kw_only=True):
    manifests: tuple[msgspec.Raw, ...]
    """Raw, so that the entries of others stay as they are."""


class _Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    media_type: str
    digest: str
    size: int


class _Artifact(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    schema_version: int = msgspec.field(name="schemaVersion")
    media_type: str
    artifact_type: str
    config: _Descriptor
    layers: tuple[_Descriptor, ...]
    subject: _Descriptor
    annotations: dict[str, str] = {}


def attach(
    client: RegistryClient,
    image: Reference,
    kind: str,
    document: bytes,
    *,
    annotations: Mapping[str, str] | None = None,
    known: Descriptor | None = None,
) -> Reference:
    """Attaches a document of media type `kind` to the image, which has a digest. Equal documents are one artifact.
    `known` describes the image, and saves a question.

    Raises NOT_FOUND for an image that is not there, PUSH_DENIED, TAG_IMMUTABLE if the list of the image's documents
    cannot grow, REGISTRY_DENIED or REGISTRY_UNAVAILABLE.
    """
    blobs = Blobs(client)
    subject = known or _described(blobs, image)
    config, layer = blobs.put(image.repository, EMPTY), blobs.put(image.repository, document)
    artifact = _Artifact(
        schema_version=2,
        media_type=_MANIFEST,
        artifact_type=kind,
        config=_Descriptor(media_type=_EMPTY_TYPE, digest=config.digest, size=config.size),
        layers=(_Descriptor(media_type=kind, digest=layer.digest, size=layer.size),),
        subject=_Descriptor(media_type=subject.media_type, digest=subject.digest, size=subject.size),
        annotations=dict(annotations or {}),
    )
    body = msgspec.json.encode(artifact)
    digest = sha256_of(body)
    if blobs.put_referrer(image.at(digest), body, _MANIFEST) != image.digest:
        entry = Listed(
            media_type=_MANIFEST, digest=digest, size=len(body), artifact_type=kind, annotations=artifact.annotations
        )
        _add_to_list(client, blobs, image, entry)
    return image.at(digest)


def _described(blobs: Blobs, image: Reference) -> Descriptor:
    found = blobs.get_manifest(image)
    if found is None:
        raise BoatyardError(Code.NOT_FOUND, f"there is no image {image}")
    return Descriptor(found.digest, len(found.body), found.media_type)


def attached(client: RegistryClient, image: Reference, kind: str, *, limit: int) -> tuple[bytes, ...]:
    """The documents of media type `kind` of at most `limit` bytes, without duplicates, by their artifacts' digests.

    Artifacts that are incomplete, or not what the list says of them, are left out. Raises REGISTRY_UNAVAILABLE or
    REGISTRY_DENIED.
    """
    deadline = client.deadline()
    listed = _listed(client, image, kind, deadline)
    digests = sorted({entry.digest for entry in listed if is_digest(entry.digest)})
    if len(digests) > _MOST_READ:
        raise garbage(image, f"has {len(digests)} documents of {kind}; at most {_MOST_READ} are read")
    found = (_document(client, image, digest, kind, limit, deadline) for digest in digests)
    return tuple(dict.fromkeys(document for document in found if document is not None))


def _listed(client: RegistryClient, image: Reference, kind: str, deadline: Deadline) -> list[Listed]:
    path = f"referrers/{image.digest}?artifactType={quote(kind, safe='')}"
    entries: list[Listed] = []
    for page in range(_MOST_PAGES):
        answer = _get(client, image, path, _INDEX, deadline)
        if answer.status in (401, 403):
            raise refusal(image, answer)
        given = _entries(answer.body) if answer.status == 200 else None
        if given is None and page == 0:
            # Without the API, a registry answers 404, or whatever it answers to a path that it does not know.
            index = _fallback(client, image, deadline)
            given, following = (_entries(index[0]) if index else None) or [], ""
        elif given is None:
            raise refusal(image, answer)
        else:
            following = _next_page(image, answer)
        entries += [entry for entry in given if entry.artifact_type == kind]
        if not following:
            return entries
        path = following
    raise garbage(image, f"lists its documents on more than {_MOST_PAGES} pages")


def _fallback(client: RegistryClient, image: Reference, deadline: Deadline) -> tuple[bytes, str] | None:
    """The list under the image's tag for it, with its ETag; None if there is none."""
    answer = _get(client, image, f"manifests/{_tag(image)}", ACCEPT, deadline)
    if is_absent(answer):
        return None
    if answer.status != 200:
        raise refusal(image, answer)
    return answer.body, answer.headers.get("etag", "")


def _add_to_list(client: RegistryClient, blobs: Blobs, image: Reference, entry: Listed) -> None:
    """The protocol has no lock, so the list is read again: another client may have written between."""
    for _ in range(_WRITES):
        found = _fallback(client, image, client.deadline())
        raw: tuple[msgspec.Raw, ...] = ()
        if found:
            entries = _entries(found[0])
            if entries is None:
                raise garbage(image, f"has under {_tag(image)} something that is no list of documents")
            if any(each.digest == entry.digest for each in entries):
                return
            raw = decode_json(found[0], _List).manifests
        body = msgspec.json.encode(
            {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [*raw, msgspec.Raw(msgspec.json.encode(entry))]}
        )
        blobs.put_manifest(Reference(image.repository, _tag(image)), body, _INDEX)
    raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"others keep writing the list of the documents of {image}")


def _entries(body: bytes) -> list[Listed] | None:
    """The readable entries; None if the document is no list at all."""
    try:
        raw = decode_json(body, _List).manifests
    except Undecodable:
        return None
    found: list[Listed] = []
    for each in raw:
        with suppress(Undecodable):
            found.append(decode_json(bytes(each), Listed))
    return found


def _document(
    client: RegistryClient, image: Reference, digest: str, kind: str, limit: int, deadline: Deadline
) -> bytes | None:
    answer = _get(client, image, f"manifests/{digest}", _MANIFEST, deadline)
    if is_absent(answer):
        return None
    if answer.status != 200:
        raise refusal(image, answer)
    if not is_digest_of(digest, answer.body):
        raise garbage(image, f"sent a manifest that is not {digest}")
    try:
        artifact = decode_json(answer.body, _Artifact)
    except Undecodable:
        return None
    if artifact.artifact_type != kind or artifact.subject.digest != image.digest or len(artifact.layers) != 1:
        return None
    layer = artifact.layers[0]
    if layer.media_type != kind or not is_digest(layer.digest) or not 0 <= layer.size <= limit:
        return None
    blob = client.send(
        RegistryCall(
            method="GET", repository=image.repository, path=f"blobs/{layer.digest}", limit=max(layer.size, _ERROR)
        ),
        deadline,
    )
    if is_absent(blob):
        return None
    if blob.status != 200:
        raise refusal(image, blob)
    if not is_digest_of(layer.digest, blob.body):
        raise garbage(image, f"sent a document that is not {layer.digest}")
    return blob.body


def _get(client: RegistryClient, image: Reference, path: str, accept: str, deadline: Deadline) -> Answer:
    return client.send(
        RegistryCall(method="GET", repository=image.repository, path=path, headers={"accept": accept}), deadline
    )


def _tag(image: Reference) -> str:
    """The distribution spec's tag for the list of an image's documents."""
    algorithm, _, value = (image.digest or "").partition(":")
    return f"{algorithm[:32]}-{value[:64]}"


def _next_page(image: Reference, answer: Answer) -> str:
    """The address of the list's next page, of the header `Link: <address>; rel="next"`; empty on the last one."""
    address, _, parameters = answer.headers.get("link", "").partition(">")
    if 'rel="next"' not in parameters or not address.startswith("<"):
        return ""
    with suppress(ValueError):
        following = urljoin(answer.url, address[1:])
        if same_origin(following, answer.url):
            return following
    raise garbage(image, "lists its documents on another host")
