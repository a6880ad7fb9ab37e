"""Unpacks a context into a new folder and checks that its trees are the announced ones."""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from boatyard.archive import ArchiveBounds, Member, read_archive
from boatyard.context import Entry
from boatyard.errors import BoatyardError, Code
from boatyard.tree import trees_of
from boatyard_buildkit.removal import remove
from boatyard_buildkit.stamp import stamp

_PIECE: Final = 1024 * 1024


def unpack(
    archive: Path,
    folder: Path,
    bounds: ArchiveBounds,
    trees: Mapping[str, str],
    *,
    realm: str = "",
    written: Callable[[int], None] = lambda size: None,
) -> None:
    """Creates `folder`, which must not exist. Raises CONTEXT_INVALID and then removes what it wrote.

    `realm` determines the files' times (`boatyard_buildkit.stamp`).
    `written` is called with each file's number of bytes before they are written, and may raise.
    """
    folder.mkdir()
    try:
        with archive.open("rb") as file:
            entries = []
            for member in read_archive(file, bounds):
                written(member.size)
                entries.append(_write(folder, member))
        found = trees_of(entries, trees)
        for path, announced in trees.items():
            if found[path] != announced:
                raise BoatyardError(Code.CONTEXT_INVALID, f"what the archive has at {path!r} is not what was announced")
        # From the inside out: a folder's own mode may exclude even its owner.
        for entry in reversed(entries):
            place = folder / entry.path
            if entry.kind != "link":
                _check_readable(entry)
                place.chmod(entry.mode)
            stamp(place, f"{entry.kind}:{entry.mode}:{entry.content}".encode(), realm)
    except BaseException:
        remove(folder)
        raise


def _write(folder: Path, member: Member) -> Entry:
    """Writes one entry. Its parents are real folders, because `read_archive` refuses entries below a link.

    Everything is private to this user until it is complete, so that others can never run a setuid program of the
    context. A write after setting that bit would clear it again.
    """
    path = folder / member.path
    if member.kind == "folder":
        path.mkdir(mode=0o700)
        return member.entry()
    if member.kind == "link":
        path.symlink_to(member.target)
        return member.entry()
    if member.kind == "fifo":
        os.mkfifo(path, 0o600)
        return member.entry()
    digest = hashlib.sha256()
    written = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while member.data and (piece := member.data.read(_PIECE)):
            digest.update(piece)
            file.write(piece)
            written += len(piece)
    if written != member.size:
        raise BoatyardError(Code.CONTEXT_INVALID, f"entry {member.path!r} of the archive is cut off")
    return member.entry(digest.hexdigest())


def _check_readable(entry: Entry) -> None:
    """Raises if this user cannot read the entry, as BuildKit's client must. Root can read every file."""
    wanted = {"file": 0o400, "folder": 0o500}.get(entry.kind, 0)
    if entry.mode & wanted != wanted and os.geteuid() != 0:
        raise BoatyardError(
            Code.UNSUPPORTED,
            f"{entry.path!r} has mode {entry.mode:04o}, and this builder, which is not root, could not read it; "
            f"let its owner read it, or leave it out with a .dockerignore",
        )
