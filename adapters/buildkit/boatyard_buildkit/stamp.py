"""Sets the times of files that are sent to BuildKit, derived from their content.

COPY keeps times, so they must not depend on when or where a build runs. And BuildKit assumes that a file with equal
path, size and time is the one that any earlier build sent: with the same time for all files, or with two files written
within a clock tick, a build would get another build's content (seen with 0.13).

A buildkitd keeps the main contexts of all clients under one name, so a project could create a file with the same time
to plant it in another project's image. So the time is a keyed hash, whose key other projects do not know
(`BuildJob.realm.files`), and its range is as wide as possible without times in the future: 60 bits.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

_FIRST: Final = 315_619_200
"""1980-01-02, UTC: zip files, and so wheels, cannot store times before 1980."""
_DIFFERENT: Final = 40 * 365 * 24 * 3600 * 10**9


def stamp(path: Path, content: bytes, realm: str) -> None:
    """Sets a time from 1980 to 2019 that is the same for equal `content` in a realm, and otherwise different."""
    keyed = hmac.new(realm.encode(), content, hashlib.sha256)
    within = int.from_bytes(keyed.digest()[:8], "big") % _DIFFERENT
    nanoseconds = _FIRST * 10**9 + within
    os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
