"""Moves blobs and manifests between files and repositories, in bounded memory.

A blob is uploaded by one request with its whole body: not every registry takes chunks (Google's does not). Protocol:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md.
"""

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from urllib.parse import urlencode, urljoin

from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference, Repository
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.deadline import Deadline
from boatyard_registry.documents import is_digest
from boatyard_registry.media import ACCEPT, Descriptor, is_digest_of, sha256_of
from boatyard_registry.refusals import garbage, is_absent, refusal
from boatyard_registry.transport import Answer

_PUSH: Final = "pull,push"
_AT_ONCE: Final = 6
"""Transfers: fewer than `boatyard_registry.gates` admits to a registry that has been sending for a minute."""
_ATTEMPTS: Final = 3
"""Of an upload, each from its beginning."""
_LOST: Final = frozenset({404, 409, 412, 416})
"""Statuses of an upload whose session the registry does not know any more."""
_LASTING: Final = (400, 413, 415, 422)
"""Answers to a manifest that say that the registry will never take it."""

_SECONDS: Final = 60.0
_SLOWEST: Final = 500_000
"""Bytes a second, in addition."""
_CPU_SECONDS: Final = 10.0
_SLOWEST_CPU: Final = 5_000_000


class Document(NamedTuple):
    body: bytes
    media_type: str
    digest: str


class Blobs:
    """Thread-safe. All methods raise REGISTRY_UNAVAILABLE and REGISTRY_DENIED like `RegistryClient.send`; those that
    write raise PUSH_DENIED, too, and `download` DISK_FULL."""

    def __init__(self, client: RegistryClient, *, pause_seconds: float = 1.0) -> None:
        """`pause_seconds` come before the second attempt of an upload, twice as many before the third."""
        self._client = client
        self._pause_seconds = pause_seconds
        self._room = threading.BoundedSemaphore(_AT_ONCE)

    def exists(self, repository: Repository, digest: str, *, push: bool = False) -> bool:
        """`push` asks with the permission to push, so that a following upload needs no further token."""
        _require_digest(repository, digest)
        call = RegistryCall(
            method="HEAD", repository=repository, path=f"blobs/{digest}", actions=_PUSH if push else "pull"
        )
        answer = self._client.send(call)
        if answer.status == 200:
            return True
        if answer.status == 404:
            return False
        if push:
            _check(answer, Reference(repository), ())
        raise refusal(Reference(repository).at(digest), answer)

    def mount_or_copy(self, blob: Descriptor, source: Repository, target: Repository) -> None:
        """Makes `target` have a blob of `source`. It is downloaded only if the registry does not mount it."""
        if source == target or self.exists(target, blob.digest, push=True):
            return
        place = self._mount(blob.digest, source, target) if source.host == target.host else ""
        if place is None:
            return
        with tempfile.TemporaryDirectory(prefix="boatyard-blob-") as folder:
            path = Path(folder, "blob")
            self.download(source, blob, path)
            with path.open("rb") as file:
                self._put(target, file, blob.digest, place)

    def upload(self, repository: Repository, path: Path, digest: str) -> None:
        """Makes the repository have the file's bytes, whose digest this is; the registry refuses others."""
        with path.open("rb") as file:
            self.upload_open(repository, file, digest)

    def upload_open(self, repository: Repository, file: BinaryIO, digest: str) -> None:
        """The same for an open file, from its beginning."""
        if not self.exists(repository, digest, push=True):
            self._put(repository, file, digest)

    def put(self, repository: Repository, data: bytes, *, look: bool = True) -> Descriptor:
        """Makes the repository have a small blob. Without `look`, it is uploaded even if it is there."""
        blob = Descriptor(sha256_of(data), len(data))
        if not look or not self.exists(repository, blob.digest, push=True):
            self._put(repository, BytesIO(data), blob.digest)
        return blob

    def download(self, repository: Repository, blob: Descriptor, out: Path) -> None:
        """Writes a blob to a file, which has the digest and the size afterwards or does not exist."""
        try:
            with out.open("w+b") as file:
                self._get(repository, blob, _Verified(file))
        except BaseException:
            with contextlib.suppress(OSError):
                out.unlink()
            raise

    def read(self, repository: Repository, blob: Descriptor, most: int) -> bytes | None:
        """The bytes of a small blob, whose digest is verified; None for a missing one."""
        if blob.size > most:
            raise garbage(Reference(repository).at(blob.digest), f"names a blob of {blob.size:,} bytes")
        file = BytesIO()
        return file.getvalue() if self._get(repository, blob, _Verified(file), absent=True) else None

    def get_manifest(self, reference: Reference) -> Document | None:
        """The verified manifest of a digest or a tag; None if the registry says that there is none."""
        wanted = reference.digest or reference.tag
        call = RegistryCall(
            method="GET", repository=reference.repository, path=f"manifests/{wanted}", headers={"accept": ACCEPT}
        )
        answer = self._client.send(call)
        if is_absent(answer):
            return None
        if answer.status != 200:
            raise refusal(reference, answer)
        for claimed in (reference.digest, answer.headers.get("docker-content-digest")):
            if claimed and not is_digest_of(claimed, answer.body):
                raise garbage(reference, "sent something that is not the manifest")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        return Document(answer.body, kind, reference.digest or sha256_of(answer.body))

    def put_manifest(self, reference: Reference, body: bytes, media_type: str) -> str:
        """Makes the reference's tag, or without one its digest, resolve to the manifest. Returns its digest.

        Everything that the manifest names must exist. Raises TAG_IMMUTABLE, too.
        """
        self._put_manifest(reference, body, media_type)
        return reference.digest or sha256_of(body)

    def put_referrer(self, reference: Reference, body: bytes, media_type: str) -> str:
        """Like `put_manifest`, for a manifest with a subject. Returns the subject's digest if the registry lists the
        manifest among its referrers, else an empty text."""
        return self._put_manifest(reference, body, media_type).headers.get("oci-subject", "")

    def _put_manifest(self, reference: Reference, body: bytes, media_type: str) -> Answer:
        digest = reference.digest or sha256_of(body)
        call = RegistryCall(
            method="PUT",
            repository=reference.repository,
            path=f"manifests/{reference.tag or digest}",
            actions=_PUSH,
            headers={"content-type": media_type},
            body=body,
        )
        answer = self._client.send(call)
        _check(answer, reference, (201, 200, 202), lasting=_LASTING)
        return answer

    def _mount(self, digest: str, source: Repository, target: Repository) -> str | None:
        """None if the blob is mounted now, else the place to upload it to; empty without one."""
        path = f"blobs/uploads/?{urlencode({'mount': digest, 'from': source.path})}"
        call = RegistryCall(method="POST", repository=target, path=path, actions=_PUSH, body=b"", mounts=source)
        try:
            answer = self._client.send(call)
        except BoatyardError as error:
            if error.code != Code.REGISTRY_DENIED:
                raise
            return ""  # these credentials may not read the source
        if answer.status == 201:
            return None
        return _location(answer, target) if answer.status == 202 else ""

    def _put(self, repository: Repository, file: BinaryIO, digest: str, place: str = "") -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._room:
                    self._put_once(repository, file, digest, place or self._begin(repository))
            except BoatyardError as error:
                if error.code != Code.REGISTRY_UNAVAILABLE or attempt == _ATTEMPTS:
                    raise
                place = ""
                time.sleep(attempt * self._pause_seconds)
                if self.exists(repository, digest, push=True):
                    return  # only the answer was lost, or somebody else has uploaded it
            else:
                return

    def _begin(self, repository: Repository) -> str:
        call = RegistryCall(method="POST", repository=repository, path="blobs/uploads/", actions=_PUSH, body=b"")
        answer = self._client.send(call)
        _check(answer, Reference(repository), (202,))
        return _location(answer, repository)

    def _put_once(self, repository: Repository, file: BinaryIO, digest: str, place: str) -> None:
        size = file.seek(0, os.SEEK_END)
        joint = "&" if "?" in place else "?"
        call = RegistryCall(
            method="PUT",
            repository=repository,
            path=f"{place}{joint}{urlencode({'digest': digest})}",
            actions=_PUSH,
            headers={"content-type": "application/octet-stream", "content-length": str(size)},
            source=file,
        )
        answer = self._client.send(call, _deadline(size))
        if answer.status in _LOST:
            raise BoatyardError(
                Code.REGISTRY_UNAVAILABLE, f"{repository} has lost an upload: it answered {answer.status}"
            )
        _check(answer, Reference(repository), (201, 204))

    def _get(self, repository: Repository, blob: Descriptor, sink: "_Verified", *, absent: bool = False) -> bool:
        """False for a missing blob, if it may be absent."""
        _require_digest(repository, blob.digest)
        reference = Reference(repository).at(blob.digest)
        call = RegistryCall(
            method="GET", repository=repository, path=f"blobs/{blob.digest}", sink=sink, limit=max(blob.size, 65_536)
        )
        with self._room:
            answer = self._client.send(call, _deadline(blob.size))
        if absent and answer.status == 404:
            return False
        if answer.status != 200:
            raise refusal(reference, answer)
        if sink.digest != blob.digest or sink.size != blob.size:
            raise garbage(reference, f"sent {sink.size:,} bytes that are not the blob's {blob.size:,}")
        return True


class _Verified:
    """Writes to a file from its beginning, and computes the digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.restart()

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as error:  # not the registry's: the transport would take it for a broken connection
            raise BoatyardError(Code.DISK_FULL, f"a layer cannot be written: {os.strerror(error.errno or 0)}") from None
        self._hash.update(piece)
        self.size += len(piece)

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _deadline(size: int) -> Deadline:
    """The deadline of a transfer that starts now, in this thread."""
    return Deadline(_SECONDS + size / _SLOWEST, cpu_seconds=_CPU_SECONDS + size / _SLOWEST_CPU)


def _require_digest(repository: Repository, digest: str) -> None:
    """A registry's digest becomes part of a path."""
    if not is_digest(digest):
        raise garbage(Reference(repository), "names a blob without a sha256")


def _location(answer: Answer, target: Repository) -> str:
    location = answer.headers.get("location")
    if not location:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{target} says no place to upload to")
    return urljoin(answer.url, location)


def _check(answer: Answer, target: Reference, good: tuple[int, ...], lasting: tuple[int, ...] = ()) -> None:
    if answer.status in good:
        return
    text = answer.body[:4096].decode("utf-8", "replace")
    if answer.status in (400, 409, 412) and ("immutab" in text.lower() or answer.status != 400):
        raise BoatyardError(Code.TAG_IMMUTABLE, f"the registry lets no other image take the place of {target}")
    if answer.status in (401, 403):
        raise BoatyardError(Code.PUSH_DENIED, f"the registry refuses the push to {target.repository}")
    if answer.status == 404:
        raise BoatyardError(Code.PUSH_DENIED, f"the registry has no repository {target.repository}")
    if answer.status in lasting:
        raise BoatyardError(Code.PUSH_DENIED, f"the registry refuses the manifest of {target} ({answer.status})")
    raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"the push to {target.repository} was answered by {answer.status}")
