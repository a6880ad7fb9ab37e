"""Reads RECORD: the list of the files that a distribution installed (PEP 376, PEP 427)."""

import base64
import csv
import hashlib
import io
import posixpath
from collections.abc import Iterable, Mapping

from packaging.utils import canonicalize_name

from boatyard_layers.errors import NotExact


def record_paths(record: bytes, site: str, venv: str) -> list[str]:
    """The absolute paths of a RECORD, in its order. Raises NotExact if one is outside of the environment."""
    try:
        rows = list(csv.reader(io.StringIO(record.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise NotExact("a RECORD cannot be read") from None
    found = []
    for row in rows:
        if not row:
            continue
        path = posixpath.normpath(posixpath.join(site, row[0]))
        if not path.startswith(f"{venv}/") or "\0" in path:
            raise NotExact("a distribution has files outside of the environment")
        found.append(path)
    return found


def with_contents(record: bytes, changed: Mapping[str, bytes]) -> bytes:
    """The RECORD with hash and size of other contents; `changed` is by the path as it is in the RECORD."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\n")
    for row in csv.reader(io.StringIO(record.decode(), newline="")):
        if row and row[0] in changed:
            data = changed[row[0]]
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            writer.writerow([row[0], f"sha256={digest}", len(data)])
        else:
            writer.writerow(row)
    return output.getvalue().encode()


def dist_infos(paths: Iterable[str], site: str) -> dict[str, str]:
    """The names of `*.dist-info` folders in site-packages by the distribution's normalised name."""
    found: dict[str, str] = {}
    for path in paths:
        if not path.startswith(f"{site}/"):
            continue
        folder = path[len(site) + 1 :].split("/", 1)[0]
        if folder.endswith(".dist-info"):
            name = canonicalize_name(folder.removesuffix(".dist-info").rpartition("-")[0])
            if found.setdefault(name, folder) != folder:
                raise NotExact(f"{name} is installed twice")
    return found
