"""Build contexts: one archive for transport, and tree digests for identity.

The archive (tar, gzip) is named by the sha256 of its bytes, which object stores can verify. That digest
is not part of any key: gzip's output differs between zlib releases, and one changed file would change
the key of every layer. A key contains the *tree digest* of each path that a layer names instead: sha256
over the sorted entries below it, independent of times, owners, order and compression.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from boatyard import canonical
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.validate import context_path

Kind: TypeAlias = Literal["file", "folder", "link", "fifo"]

TREE_SCHEMA: Final = "boatyard/tree/2"
"""Increase it with every change of a row's meaning."""

FILE_MODE: Final = 0o644
EXECUTABLE_MODE: Final = 0o755
FOLDER_MODE: Final = 0o755

_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")


class Entry(msgspec.Struct, frozen=True, order=True, gc=False):
    """One file, folder, link or FIFO below a tree's root. `path` is empty for a tree that is a single file."""

    path: str
    kind: Kind
    mode: int = 0
    """Permission bits including setuid, setgid and sticky (0 to 0o7777). 0 for a link."""
    size: int = 0
    """Bytes of a file; 0 otherwise."""
    content: str = ""
    """sha256 (hex) of a file's bytes, or a link's target."""


def tree_digest(entries: Iterable[Entry]) -> str:
    """The digest of a set of entries in any order: 64 hex digits.

    It equals `canonical.digest` of (schema, sorted rows) with rows (path, kind, mode, size, content). It is inlined
    here because contexts have a hundred thousand rows.
    """
    rows = [_row(entry) for entry in sorted(entries)]
    return hashlib.sha256(b"l2:%sl%d:%s" % (canonical.encode(TREE_SCHEMA), len(rows), b"".join(rows))).hexdigest()


def _row(entry: Entry) -> bytes:
    path, kind, content = entry.path.encode(), entry.kind.encode(), entry.content.encode()
    mode, size = b"%d" % entry.mode, b"%d" % entry.size
    return b"l5:s%d:%ss%d:%si%d:%si%d:%ss%d:%s" % (
        len(path), path, len(kind), kind, len(mode), mode, len(size), size, len(content), content
    )  # fmt: skip


class Context(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The context of one request.

    `trees` maps the paths that layers name to their tree digests; the job computes them again from the archive and
    refuses to build if they differ. For a path without an entry, the whole archive counts.

    `sha256` and `size` (bytes) name the archive. A plan and a cached answer only need trees, so both may be left out
    until a build requires the archive with CONTEXT_MISSING.
    """

    sha256: Annotated[str, Meta(max_length=64)] = ""
    size: Annotated[int, Meta(le=2**53)] = 0
    trees: Annotated[
        dict[Annotated[str, Meta(max_length=4_096)], Annotated[str, Meta(max_length=64)]], Meta(max_length=10_000)
    ] = {}


def check_archive(context: Context, *, field: str = "context") -> None:
    """Raises INVALID_SPEC if the context names no archive."""
    if not _HEX.match(context.sha256):
        raise invalid("sha256 must be 64 lower-case hex digits", field=f"{field}.sha256")
    if context.size <= 0:
        raise invalid("size must be the number of bytes", field=f"{field}.size")


def check_size(context: Context, most: int, *, field: str = "context.size") -> None:
    """Raises CONTEXT_TOO_LARGE for an archive of more than `most` bytes."""
    if context.size > most:
        detail = f"the context has {context.size:,} bytes; at most {most:,} are allowed"
        raise BoatyardError(Code.CONTEXT_TOO_LARGE, detail, field=field)


def check_context(context: Context, *, field: str = "context") -> Context:
    if context.sha256 or context.size or not context.trees:
        check_archive(context, field=field)
    for path, tree in context.trees.items():
        context_path(path, field=f"{field}.trees")
        if not _HEX.match(tree):
            raise invalid(f"the digest of {path!r} must be 64 lower-case hex digits", field=f"{field}.trees")
    return context
