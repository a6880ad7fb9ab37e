"""Archives for tests: valid ones, and handmade invalid ones."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping

from boatyard.archive import TAR_FORMAT, header
from boatyard.context import Context, Entry
from boatyard.tree import trees_of


class Link(str):
    """The target of a symbolic link, in place of a file's bytes."""


def entries_of(files: Mapping[str, bytes | Link]) -> list[tuple[Entry, bytes]]:
    made: dict[str, tuple[Entry, bytes]] = {}
    for path, content in files.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            made[folder] = (Entry(folder, "folder", 0o755), b"")
        if isinstance(content, Link):
            made[path] = (Entry(path, "link", content=str(content)), b"")
        else:
            digest = hashlib.sha256(content).hexdigest()
            made[path] = (Entry(path, "file", 0o755 if path.endswith(".sh") else 0o644, len(content), digest), content)
    return [made[path] for path in sorted(made)]


def pack(files: Mapping[str, bytes | Link], trees: tuple[str, ...] = (".",)) -> tuple[bytes, Context]:
    """Makes an archive and the context that announces it. Files named `*.sh` are executable."""
    entries = entries_of(files)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=TAR_FORMAT, encoding="utf-8") as tar:
        for entry, content in entries:
            tar.addfile(header(entry), io.BytesIO(content))
    archive = gzip.compress(data.getvalue(), mtime=0)
    return archive, announce(archive, trees_of([entry for entry, _ in entries], trees))


def announce(archive: bytes, trees: Mapping[str, str] | None = None) -> Context:
    return Context(sha256=hashlib.sha256(archive).hexdigest(), size=len(archive), trees=dict(trees or {}))


def raw(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", data: bytes = b"", mode: int = 0o644) -> bytes:
    """One member, valid or not. Several can be concatenated."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, len(data), mode
    padding = -len(data) % tarfile.BLOCKSIZE
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape") + data + bytes(padding)


def close(*members: bytes) -> bytes:
    return gzip.compress(b"".join(members) + bytes(2 * tarfile.BLOCKSIZE), mtime=0)
