"""Hashes files with sha256, several at a time, and detects files that change meanwhile."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from boatyard_client.errors import ContextChangedError
from boatyard_client.packing.item import Item, Stamp
from boatyard_client.packing.scan import shown, unreadable

_PIECE: Final = 1024 * 1024
_BATCH_FILES: Final = 64
_BATCH_BYTES: Final = 16 * 1024 * 1024
_MOST_THREADS: Final = 8
"""Reading and hashing release the interpreter's lock, so all threads wait for a slow disk concurrently."""


def hash_files(items: Sequence[Item], each: Callable[[Item], None]) -> list[str]:
    """The sha256 (hex) of every file, in order. Calls `each` after every item, in this thread.

    Raises ContextChangedError for a file that differs from its stamp, before or after it is read.
    """
    batches = _batches(items)
    if len(batches) < 2:
        return [_told(item, hash_file(item), each) for item in items]
    digests: list[str] = []
    with ThreadPoolExecutor(min(_MOST_THREADS, (os.cpu_count() or 1) + 2)) as pool:
        futures = [pool.submit(_hash_batch, batch) for batch in batches]
        try:
            for batch, future in zip(batches, futures, strict=True):
                digests += [_told(item, digest, each) for item, digest in zip(batch, future.result(), strict=True)]
        finally:
            pool.shutdown(cancel_futures=True)
    return digests


def hash_file(item: Item) -> str:
    fd = open_file(item)
    try:
        return _hash_open(item, fd)
    finally:
        os.close(fd)


def open_file(item: Item) -> int:
    """A descriptor of the file that the item describes."""
    try:
        # NONBLOCK: the file may have become a pipe without a writer in the meantime.
        fd = os.open(item.source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise changed(item.source) from None
    except OSError as error:
        raise unreadable(item.source, error) from None
    if Stamp.of(os.fstat(fd)) != item.stamp:
        os.close(fd)
        raise changed(item.source)
    return fd


def changed(path: str) -> ContextChangedError:
    return ContextChangedError(
        f"{shown(path)} changed while it was read; run again", advice="Run again when nothing writes to it."
    )


def _hash_open(item: Item, fd: int) -> str:
    left = item.size
    digest = hashlib.sha256()
    try:
        while left and (piece := os.read(fd, min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
    except OSError as error:
        raise unreadable(item.source, error) from None
    if left or Stamp.of(os.fstat(fd)) != item.stamp:
        raise changed(item.source)
    return digest.hexdigest()


def _hash_batch(items: Sequence[Item]) -> list[str]:
    return [hash_file(item) for item in items]


def _batches(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Splits the list into batches that are small enough to distribute and large enough to be worth a thread's
    overhead."""
    batches: list[Sequence[Item]] = []
    begin = size = 0
    for end, item in enumerate(items, 1):
        size += item.size
        if end - begin >= _BATCH_FILES or size >= _BATCH_BYTES:
            batches.append(items[begin:end])
            begin, size = end, 0
    if begin < len(items):
        batches.append(items[begin:])
    return batches


def _told(item: Item, digest: str, each: Callable[[Item], None]) -> str:
    each(item)
    return digest
