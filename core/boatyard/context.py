"""What a build context is: one archive for transport, and tree digests for identity.

The archive (tar, gzip) is named by the sha256 of its bytes, which object stores can verify. That digest
is not part of any key: gzip's output differs between zlib releases, and one changed file would change
the key of every layer. A key holds the *tree digest* of each path that a layer names instead: sha256
over the sorted entries below it, free of times, owners, order, umask and compression.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from boatyard import canonical
from boatyard.errors import invalid
from boatyard.validate import context_path

_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")


class Entry(msgspec.Struct, frozen=True, order=True):
    """One file, folder or link below a tree's root. `path` is empty for a tree that is a single file."""

    path: str
    kind: Literal["file", "folder", "link"]
    executable: bool = False
    size: int = 0
    """Bytes of a file; 0 otherwise."""
    content: str = ""
    """sha256 (hex) of a file's bytes, or a link's target."""


def tree_digest(entries: Iterable[Entry]) -> str:
    """64 hex digits that name a set of entries, whatever order they come in."""
    rows = sorted((e.path, e.kind, e.executable, e.size, e.content) for e in entries)
    return canonical.digest(("boatyard/tree/1", tuple(rows)))


class Context(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The context of one request.

    `sha256` and `size` (bytes) name the archive. `trees` maps the paths that layers name to their tree
    digests; the job computes them again from the archive and refuses to build if they differ. A path
    without an entry counts as the whole archive.
    """

    sha256: Annotated[str, Meta(max_length=64)]
    size: Annotated[int, Meta(le=2**53)]
    trees: Annotated[
        dict[Annotated[str, Meta(max_length=4_096)], Annotated[str, Meta(max_length=64)]], Meta(max_length=10_000)
    ] = {}


def check_context(context: Context, *, field: str = "context") -> Context:
    if not _HEX.match(context.sha256):
        raise invalid("sha256 must be 64 lower-case hex digits", field=f"{field}.sha256")
    if context.size <= 0:
        raise invalid("size must be the number of bytes", field=f"{field}.size")
    for path, tree in context.trees.items():
        context_path(path, field=f"{field}.trees")
        if not _HEX.match(tree):
            raise invalid(f"the digest of {path!r} must be 64 lower-case hex digits", field=f"{field}.trees")
    return context
