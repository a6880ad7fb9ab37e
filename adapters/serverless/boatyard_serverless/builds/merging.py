"""Merges several sorted lists in the bucket."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from boatyard.build import BUILD_ID
from boatyard_serverless.ports import Bucket

_AT_ONCE: Final = 8
_NAME: Final = re.compile(rf"[0-9]{{17}}\.{BUILD_ID}\Z")


def merged(bucket: Bucket, folders: Sequence[str], *, after: str, page: int) -> Iterator[str]:
    """Yields the build names in all `folders` after `after`, in byte order. Each folder ends with a slash.

    Lists several folders concurrently, `page` names at a time. Skips other names, such as folders below.
    """

    def some(folder: str) -> tuple[list[str], bool]:
        keys = bucket.keys(folder, after=folder + after if after else "", page=page + 1)
        found = [key[len(folder) :] for key in islice(keys, page + 1)]
        return found[:page], len(found) > page

    open_folders = list(folders)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while open_folders:
            found = list(pool.map(some, open_folders))
            # Beyond the last name of an incomplete page, the rest of that folder may sort before another folder's
            # names.
            ends = [names[-1] for names, more in found if more and names]
            until = min(ends, default=None)
            yield from (
                name
                for name in sorted({name for names, _ in found for name in names})
                if _NAME.match(name) and (until is None or name <= until)
            )
            if until is None:
                return
            after = until
