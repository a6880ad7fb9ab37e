"""Reads tar archives of strangers forwards, within bounds, with tarfile for the headers."""

import tarfile
from collections.abc import Callable
from typing import Final

from boatyard.tree import Readable

LARGEST_READ: Final = 1024 * 1024
_LARGEST_HEADER: Final = 16 * 1024
"""Largest extended header in bytes: two of the longest paths, and a margin. tarfile parses one in quadratic time
(CVE-2024-6232), and no signal ends the job meanwhile."""
_END: Final = bytes(tarfile.BLOCKSIZE)


class Forward:
    """A forward-only reader that counts bytes and limits how much tarfile reads at once.

    tarfile reads a whole extended header into memory, of whatever length the archive declares. Refusing large reads
    bounds that without touching tarfile's private parts. Files' bytes are read without tarfile. `too_long` makes the
    error for more than `limit` bytes.
    """

    def __init__(self, source: Readable, limit: int, too_long: Callable[[str], Exception]) -> None:
        self._source = source
        self._limit = limit
        self._too_long = too_long
        self._position = 0
        self._last = b""

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._position:
            raise tarfile.ReadError("a header points backwards")
        while self._position < position:
            if not self.take(min(position - self._position, LARGEST_READ)):
                break
        return self._position

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise tarfile.ReadError("a header is too long")
        return self.take(size)

    def take(self, size: int) -> bytes:
        """Reads `size` bytes, or fewer at the end."""
        data = self._source.read(max(size, 0))
        # A decompressor may return less than requested, which tarfile treats as the end.
        while len(data) < size and (more := self._source.read(size - len(data))):
            data += more
        self._position += len(data)
        if self._position > self._limit:
            raise self._too_long(f"the archive holds more than the {self._limit:,} bytes allowed")
        self._last = data
        return data

    def expect_end(self) -> None:
        """Checks for a real end, which is a block of zeros: tarfile treats a damaged header as the end."""
        if self._last != _END:
            raise tarfile.ReadError("it ends too early, or a header is broken")
        while rest := self.take(LARGEST_READ):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("there is something after its end")
