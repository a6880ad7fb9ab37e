"""Reads a build's log page by page from its pods' logs.

The API server has no offsets: a log is read from a time on (`sinceTime`, whole seconds) and up to a number of bytes
(`limitBytes`). So a cursor consists of the pod, the time of the last returned line (nanoseconds) and how many lines had
that time. Pods of a build run one after the other, so later pods follow the cursor's.
"""

import re
from datetime import datetime, timezone
from typing import Final

from lightkube.resources.core_v1 import Pod

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.ports import LogPage
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.facts import has_started, name_of, namespace_of, terminated
from boatyard_kubernetes.pod import CONTAINER
from boatyard_kubernetes.refusals import Absent, NotReady
from boatyard_kubernetes.stdout import line_of

_PAGE_BYTES: Final = 256 * 1024
_MOST_BYTES: Final = 32 * 1024**2
_CURSOR: Final = re.compile(r"([0-9a-f]{8})\.([0-9]{1,19})\.([0-9]{1,6})\Z", re.ASCII)
_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_START: Final = "00000000.0.0"


class _Place:
    """A reader's position: the pod, the time, and the number of lines read with that time."""

    def __init__(self, pod: str, nanoseconds: int, lines: int) -> None:
        self.pod = pod
        self.nanoseconds = nanoseconds
        self.lines = lines

    @classmethod
    def of(cls, cursor: str) -> "_Place":
        found = _CURSOR.match(cursor or _START)
        if not found:
            raise invalid(f"{cursor[:40]!r} was not issued here", field="cursor")
        return cls(found[1], int(found[2]), int(found[3]))

    def __str__(self) -> str:
        return f"{self.pod}.{self.nanoseconds}.{self.lines}"


def read_page(cluster: Cluster, pods: list[Pod], cursor: str, *, ended: bool) -> LogPage:
    """Lines of the first pod that has any after the cursor. `pods` oldest first. Raises INVALID_SPEC.

    The log of a deleted pod is lost: the page continues with the next pod.
    """
    place = _Place.of(cursor)
    ids = [_id(pod) for pod in pods]
    first = ids.index(place.pod) if place.pod in ids else 0
    for pod in pods[first:]:
        if _id(pod) != place.pod:
            place = _Place(_id(pod), 0, 0)
        complete, lines = _read(cluster, pod, place)
        last = pod is pods[-1]
        if lines or not complete:
            return LogPage(tuple(lines), str(place), complete and ended and last)
    # Once the build has ended, a missing pod means that there will be no lines.
    return LogPage((), str(place) if pods or cursor else "", ended)


def read_tail(cluster: Cluster, pod: Pod, lines: int) -> str:
    """The last raw lines; empty if there are none or they cannot be read: the API server fetches them from the node,
    which may be unreachable, and they are not worth a retry."""
    try:
        data = cluster.log(name_of(pod), namespace_of(pod), tries=1, container=CONTAINER, tailLines=str(lines))
    except (Absent, NotReady, BoatyardError):
        return ""
    return data.decode("utf-8", "replace")


def _read(cluster: Cluster, pod: Pod, place: _Place) -> tuple[bool, list[str]]:
    """(whether the pod's log ends here, lines after `place`); moves `place` after them."""
    over = terminated(pod) is not None
    if not has_started(pod):
        return False, []
    size = _PAGE_BYTES
    while True:
        try:
            data = cluster.log(
                name_of(pod),
                namespace_of(pod),
                container=CONTAINER,
                timestamps="true",
                sinceTime=_rfc3339(place.nanoseconds) if place.nanoseconds else None,
                limitBytes=str(size),
            )
        except Absent:
            return True, []
        except NotReady:
            return False, []
        cut = len(data) >= size
        rows, seen = _rows(data, place, cut=cut)
        if seen or not cut or size >= _MOST_BYTES:
            break
        size *= 4  # more than a page within one second, all of it returned already
    lines = [line for row in rows if (line := line_of(row)) is not None]
    return over and not cut, lines


def _rows(data: bytes, place: _Place, *, cut: bool) -> tuple[list[str], int]:
    """New lines, and the number of rows including other kinds; moves `place`."""
    pieces = data.split(b"\n")
    tail = pieces.pop()
    if tail and not cut:
        pieces.append(tail)  # a program's last line may lack its line end
    rows: list[str] = []
    seen = 0
    after, skip, at = place.nanoseconds, place.lines, 0
    for piece in pieces:
        stamp = _STAMP.match(piece)
        if stamp is None:
            continue  # the kubelet's own message, such as "unable to retrieve container logs"
        when = _nanoseconds(stamp)
        if when < after:
            continue
        if when == after:
            at += 1
            if at <= skip:
                continue
        seen += 1
        place.lines = place.lines + 1 if when == place.nanoseconds else 1
        place.nanoseconds = max(when, place.nanoseconds)
        rows.append(piece[stamp.end() :].decode("utf-8", "replace").rstrip("\r"))
    return rows, seen


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    try:
        whole = datetime.fromisoformat((stamp[1] + stamp[3]).decode())
    except ValueError:
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, "the pod's log has a line without a time") from None
    fraction = int((stamp[2] or b"0").ljust(9, b"0"))
    return int(whole.timestamp()) * 1_000_000_000 + fraction


def _rfc3339(nanoseconds: int) -> str:
    """The time, rounded down to the second: the API server would round it (metav1.Time), and must not round up."""
    seconds = min(nanoseconds // 1_000_000_000, 253_402_300_799)
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(pod: Pod) -> str:
    return ((pod.metadata and pod.metadata.uid) or "").replace("-", "")[:8].rjust(8, "0")
