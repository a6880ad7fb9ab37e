"""Times of the files that are sent to BuildKit: made of their content.

COPY keeps times, so they must not depend on when or where a build runs. And BuildKit takes a file of the
same path, size and time for one that it was sent before, by whichever build: with one time for all, or with
two files written within one tick of the clock, a build would get another one's content (seen with 0.13).

A buildkitd keeps what it was sent as the main context under one name for all its clients, so a file of the same
time could be made on purpose, to put it into another project's image. Hence the time is a keyed hash, and another
project does not know the key (`BuildJob.realm.files`); and the range is as wide as it can be without a time that is
yet to come: 60 bits of it.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

_FIRST: Final = 315_619_200
"""1980-01-02, UTC: zip files, and so wheels, know no time before 1980 in any time zone."""
_DIFFERENT: Final = 40 * 365 * 24 * 3600 * 10**9


def stamp(path: Path, content: bytes, realm: str) -> None:
    """Gives the file a time from 1980 to 2019 that is equal for equal `content` in a realm, and different for other."""
    keyed = hmac.new(realm.encode(), content, hashlib.sha256)
    within = int.from_bytes(keyed.digest()[:8], "big") % _DIFFERENT
    nanoseconds = _FIRST * 10**9 + within
    os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
