"""Files that jobs of one builder share: uv's cache, and what is unpacked once for many jobs.

    <root>/<realm>/lock           shared by running jobs, exclusive for whoever removes something
    <root>/<realm>/uv/            uv's own cache, which many uv processes use at a time
    <root>/<realm>/kept/<name>/   complete when it has this name: written under another one, and renamed; its length is
                                  compared when it is used
    <root>/<realm>/new/<…>/       being written, and stages of wheels; of killed jobs, if nobody has the lock

Everything can be made again. A realm is a project and domain, whose jobs trust the same people; only the job's own code
writes here, and no step of a user sees it.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from boatyard import canonical

MOST_BYTES: Final = 10 * 1024**3
"""Of all realms."""
_BETWEEN_SECONDS: Final = 600.0
_MADE: Final = "made"
_BYTES: Final = "bytes"
_MEASURED: Final = ".measured"
_LONGEST: Final = 80


class BuilderCache:
    """Thread-safe. Of one realm, while its lock is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for each in (self.uv, folder / "kept", folder / "new"):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def uv(self) -> Path:
        return self._folder / "uv"

    def kept(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """The path that `make` wrote, for this job or an earlier one. It must not be changed."""
        if found := self.found(kind, key):
            return found
        place = self._place(kind, key)
        with _temporary(self._new) as folder:
            path = folder / "whole"
            path.mkdir()
            make(path / _MADE)
            (path / _BYTES).write_text(str(_length(path / _MADE)), encoding="utf-8")
            if place.exists() and not _is_whole(place):
                place.rename(folder / "damaged")  # a machine without power may lose what it wrote last
            try:
                path.rename(place)
            except OSError:
                if not place.exists():
                    raise
                # Another job was faster.
        return place / _MADE

    def found(self, kind: str, key: str) -> Path | None:
        """What an earlier `kept` made."""
        place = self._place(kind, key)
        if not _is_whole(place):
            return None
        os.utime(place)  # it was used
        return place / _MADE

    def _place(self, kind: str, key: str) -> Path:
        return self._folder / "kept" / f"{kind}-{canonical.digest(('boatyard/kept/1', kind, key))[:32]}"

    def stage(self) -> contextlib.AbstractContextManager[Path]:
        """A new folder, on the file system of uv's cache if possible, so that uv links files and copies none. Below a
        long path, uv writes scripts that begin in another way."""
        return _temporary(self._new if len(self._new) <= _LONGEST else None)

    @property
    def _new(self) -> str:
        return os.path.realpath(self._folder / "new")


@contextlib.contextmanager
def builder_cache(root: Path | None, realm: str, work: Path) -> Iterator[BuilderCache]:
    """Of a realm below `root`; without one that can be written, a cache in `work`, which goes with the job."""
    with contextlib.ExitStack() as held:
        try:
            if root is None:
                raise FileNotFoundError
            folder = root / canonical.digest(("boatyard/builder-cache/1", realm))[:16]
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(_locked(folder / "lock", fcntl.LOCK_SH))
            cache = BuilderCache(folder)
        except OSError:
            cache = BuilderCache(work / "cache")
        yield cache


@contextlib.contextmanager
def _temporary(below: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=below))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def trim(root: Path, most: int = MOST_BYTES, *, now: Callable[[], float] = time.time) -> None:
    """Removes what was not used for the longest time until the rest fits, and leftovers of killed jobs. What is in use
    stays. Measures at most every ten minutes."""
    stamp = root / _MEASURED
    try:
        if now() - stamp.stat().st_mtime < _BETWEEN_SECONDS:
            return
    except FileNotFoundError:
        pass
    if not root.is_dir():
        return
    stamp.touch()
    total = 0
    units: list[tuple[float, int, Path, Path]] = []
    for realm in sorted(each for each in root.iterdir() if each.is_dir()):
        _remove_leftovers(realm)
        for unit in (realm / "uv", *(realm / "kept").glob("*")):
            size = _size(unit)
            total += size
            with contextlib.suppress(FileNotFoundError):
                units.append((_used(unit), size, unit, realm))
    for _, size, unit, realm in sorted(units, key=lambda each: each[0]):
        if total <= most:
            return
        if _discard(unit, realm):
            total -= size


def _is_whole(place: Path) -> bool:
    try:
        return int((place / _BYTES).read_text(encoding="utf-8")) == _length(place / _MADE)
    except (OSError, ValueError):
        return False


def _length(path: Path) -> int:
    """Bytes of a file, or of all below a folder."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for root, _, files in os.walk(path):
        for name in files:
            total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 - half the time of Path
    return total


def _used(unit: Path) -> float:
    """uv's own cache counts as used with its realm, whose lock every job opens for writing."""
    return (unit.parent / "lock" if unit.name == "uv" else unit).stat().st_mtime


def _remove_leftovers(realm: Path) -> None:
    with contextlib.suppress(BlockingIOError), _locked(realm / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
        for each in (realm / "new").glob("*"):
            shutil.rmtree(each, ignore_errors=True)


def _discard(unit: Path, realm: Path) -> bool:
    try:
        with _locked(realm / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            # Renamed first: if this is killed, no half of it is left under its name.
            gone = realm / "new" / f"gone-{unit.name}-{os.getpid()}"
            unit.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            if gone.is_file():
                gone.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        if not how & fcntl.LOCK_NB:
            os.utime(descriptor)
        yield
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    total = 0
    for root, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(root, name)).st_blocks * 512  # noqa: PTH118 - half the time of Path
    return total
