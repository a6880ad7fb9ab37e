"""Stores contexts in files, and receives their uploads."""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Clock, Upload
from boatyard_local import durable
from boatyard_local.context_room import make_room
from boatyard_local.upload_url import VALID_SECONDS, UploadUrls

_NAME: Final = re.compile(r"([0-9a-f]{64})\.tar\.gz\Z")
_COMING: Final = re.compile(r"\.[0-9a-f]{64}\.tar\.gz\.[0-9a-f]{8}\Z")
"""The temporary name of an upload, from `durable.hidden`."""


class FileContextStore:
    """Stores archives under their sha256. Each is verified before it gets its final name."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        urls: UploadUrls,
        *,
        most_bytes: int = 0,
        read_by_builds: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        """`most_bytes` limits all archives together; 0 means no limit. Archives in `read_by_builds` (sha256) are
        kept."""
        self._folder = folder
        self._clock = clock
        self._urls = urls
        self._most_bytes = most_bytes
        self._read_by_builds = read_by_builds

    def open(self) -> "FileContextStore":
        """Removes the unfinished uploads of an earlier server, and nothing else: the folder may be a link."""
        durable.make_folder(self._folder)
        for path in self._folder.glob(".*"):
            if _COMING.match(path.name):
                with suppress(OSError):
                    path.unlink()
        return self

    def has(self, sha256: str) -> bool:
        path = self._path(sha256)
        with suppress(OSError):
            os.utime(path)  # counts as a use, so that `prune` keeps it longer
        return path.is_file()

    def upload(self, sha256: str, size: int) -> Upload:
        self._path(sha256)
        return Upload(
            upload_url=self._urls.sign(sha256, size, self._clock),
            headers={"content-type": "application/gzip"},
            expires_at=self._clock.now() + VALID_SECONDS,
        )

    def download_url(self, sha256: str) -> str:
        return self._path(sha256).resolve().as_uri()

    def refusal_url(self, sha256: str) -> str:
        return ""

    def receive(self, sha256: str, size: int) -> "Receiving":
        """A context manager that receives an upload, and deletes it unless it is committed."""
        path = self._path(sha256)

        def admit() -> None:
            make_room(self._folder, size, self._most_bytes, self._read_by_builds())

        return Receiving(path, sha256, size, admit)

    def prune(self, *, days: float, keep: Collection[str]) -> None:
        """Removes archives that were not requested for `days`, except those in `keep`."""
        oldest = time.time() - days * 86_400  # the system's clock, because it sets file times
        for path in self._folder.iterdir():
            found = _NAME.match(path.name)
            if found and found.group(1) not in keep:
                with suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def _path(self, sha256: str) -> Path:
        name = f"{sha256}.tar.gz"
        if not _NAME.match(name):
            raise BoatyardError(Code.INVALID_SPEC, "sha256 must be 64 lower-case hex digits", field="sha256")
        return self._folder / name


class Receiving:
    """An upload in progress."""

    def __init__(self, path: Path, sha256: str, size: int, admit: Callable[[], None]) -> None:
        self._admit = admit
        self._path = path
        self._sha256 = sha256
        self._size = size
        self._partial = durable.hidden(path)
        self._hash = hashlib.sha256()
        self._received = 0

    def __enter__(self) -> "Receiving":
        with durable.refusing(self._path.parent):
            if shutil.disk_usage(self._path.parent).free < self._size:
                raise BoatyardError(Code.DISK_FULL, f"there is no space for the {self._size:,} bytes of the context")
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "wb", buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Raises CONTEXT_INVALID after more bytes than announced, and DISK_FULL."""
        self._received += len(data)
        if self._received > self._size:
            raise BoatyardError(Code.CONTEXT_INVALID, f"more than the {self._size:,} bytes announced came")
        self._hash.update(data)
        with durable.refusing(self._path.parent):
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    def commit(self) -> None:
        """Raises CONTEXT_INVALID, and deletes the upload, if its bytes differ from the announced ones."""
        if self._received != self._size:
            raise BoatyardError(Code.CONTEXT_INVALID, f"{self._received:,} bytes came, {self._size:,} were announced")
        if self._hash.hexdigest() != self._sha256:
            raise BoatyardError(Code.CONTEXT_INVALID, "the bytes that came have another sha256 than announced")
        with durable.refusing(self._path.parent):
            self._admit()
            os.fsync(self._file.fileno())
            self._partial.replace(self._path)
            durable.sync_folder(self._path.parent)
