"""Follows a build's events: writes log, progress and phases, and keeps what explains a failure."""

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from boatyard.build import Phase, Step
from boatyard_buildkit.instructions import Instructions, StepName
from boatyard_buildkit.lines import LineJoiner
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.rawjson import LogPiece, Status, Text, Update, Vertex

_MOST_TAIL: Final = 400
"""Lines of each step kept to explain a failure; classification reads more than the user is shown."""
_MOST_TEXT: Final = 200
_LOCATION: Final = re.compile(r"^(?:\S*/)?Dockerfile:(\d+)$")
_EXCERPT: Final = re.compile(r"^\s*\d+ \| (?:>>> )?|^-{4,}$")
_FINAL: Final = re.compile(r"^(?:ERROR|error): (.*)$", re.DOTALL)
_CANCELLED: Final = re.compile(r"context cancell?ed\s*\Z")
"""At the end only: an error of a step quotes the command, which may say anything."""
_PHASES: Final = (
    ("importing cache", Phase.IMPORT_CACHE),
    ("exporting cache", Phase.EXPORT_CACHE),
    ("preparing build cache", Phase.EXPORT_CACHE),
    ("exporting to", Phase.PUSH),
    ("pushing", Phase.PUSH),
    ("resolving provenance", Phase.ATTEST),
)


class _Seen(msgspec.Struct):
    vertex: Vertex
    step: StepName | None
    joiner: LineJoiner
    tail: deque[str]
    began: float | None = None
    ended: bool = False


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How BuildKit ended, as input of `explain`."""

    exit_code: int
    vertex: str
    """Name of the vertex that failed; empty if none did."""
    step: StepName | None
    error: str
    """The failed vertex's error, else the program's last `ERROR:` line."""
    line: int | None
    """Line of the Dockerfile, counted from 1."""
    output: tuple[str, ...]
    """Last lines of the step that failed, or that ran when BuildKit disconnected; redacted."""
    text: tuple[str, ...]
    """The program's output outside of its progress."""


class Follower:
    def __init__(
        self,
        instructions: Instructions,
        log: LogFile,
        progress: ProgressFile,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._instructions = instructions
        self._log = log
        self._progress = progress
        self._now = now
        self._vertices: dict[str, _Seen] = {}
        self._text: deque[str] = deque(maxlen=_MOST_TEXT)
        self._line: int | None = None
        self._final = ""

    def take(self, event: Update | Text) -> None:
        if isinstance(event, Text):
            self._take_text(event.line)
            return
        self._progress.begun()
        for vertex in event.vertexes or ():
            self._instructions.notice(vertex.name)
        for vertex in event.vertexes or ():
            self._take_vertex(vertex)
        for status in event.statuses or ():
            self._take_status(status)
        for piece in event.logs or ():
            self._take_log(piece)
        for warning in event.warnings or ():
            self._log.write(f"warning: {warning.short}")

    def end(self, exit_code: int) -> Ended:
        for seen in self._vertices.values():
            self._flush(seen)
        failed = self._failed()
        line = self._line
        if line is None and failed and failed.step:
            line = self._instructions.line_like(failed.step)
        return Ended(
            exit_code=exit_code,
            vertex=failed.vertex.name if failed else "",
            step=failed.step if failed else None,
            error=self._log.clean_lines(failed.vertex.error if failed else self._final),
            line=line,
            output=tuple(failed.tail) if failed else self.running()[1],
            text=tuple(self._text),
        )

    def running(self) -> tuple[str, tuple[str, ...]]:
        """Title and last lines of the running step; empty if none runs."""
        for seen in reversed(self._vertices.values()):
            if seen.step and seen.began is not None and not seen.ended:
                self._flush(seen)
                return self._log.clean(self._instructions.title(seen.step)), tuple(seen.tail)
        return "", ()

    def _take_vertex(self, vertex: Vertex) -> None:
        seen = self._vertices.get(vertex.digest)
        if seen is None:
            step = self._instructions.step(vertex.name)
            if step:
                self._instructions.check_trigger(step)
            seen = _Seen(vertex, step, LineJoiner(), deque(maxlen=_MOST_TAIL))
            self._vertices[vertex.digest] = seen
        elif vertex.error or not seen.vertex.error:
            seen.vertex = vertex
        if vertex.started and seen.began is None:
            seen.began = self._now()
            self._began(seen)
        if vertex.completed and seen.began is not None and not seen.ended:
            self._ended(seen)

    def _began(self, seen: _Seen) -> None:
        name = seen.vertex.name
        if seen.step:
            self._progress.enter(Phase.BUILD)
            title = self._instructions.title(seen.step)
            if not seen.vertex.cached and not self._instructions.resumes(seen.step):
                number, total = self._instructions.numbers(seen.step)
                self._progress.step(Step(number=number, total=total, title=self._log.clean(title)))
            self._log.write(f"{self._label(seen)} {title}" + (" (cached)" if seen.vertex.cached else ""))
            return
        if phase := phase_of(name):
            self._progress.enter(phase)
        if not name.startswith("["):
            self._log.write(name)

    def _ended(self, seen: _Seen) -> None:
        seen.ended = True
        self._flush(seen)
        if seen.vertex.name.startswith("importing cache"):
            self._progress.enter(Phase.BUILD)
        if seen.vertex.error and not cancelled(seen.vertex.error):
            self._log.write(f"{self._label(seen)} failed: {seen.vertex.error}")
        elif seen.step and not seen.vertex.cached and seen.began is not None:
            self._log.write(f"{self._label(seen)} done in {self._now() - seen.began:.1f} s")

    def _take_status(self, status: Status) -> None:
        if status.id.startswith("exporting attestation"):
            self._progress.enter(Phase.ATTEST)
        elif status.id.startswith("pushing"):
            self._progress.enter(Phase.PUSH)

    def _take_log(self, piece: LogPiece) -> None:
        seen = self._vertices.get(piece.vertex)
        if seen is None:
            return
        for line in seen.joiner.feed(piece.stream, piece.text()):
            self._keep(seen, line)

    def _flush(self, seen: _Seen) -> None:
        for line in seen.joiner.close():
            self._keep(seen, line)

    def _keep(self, seen: _Seen, line: str) -> None:
        line = self._log.clean(line)
        seen.tail.append(line)
        self._log.write(f"{self._label(seen)} {line}")

    def _take_text(self, line: str) -> None:
        if found := _LOCATION.match(line):
            self._line = int(found[1])
            return
        if not line.strip() or _EXCERPT.match(line):
            return
        cleaned = self._log.clean(line)
        self._text.append(cleaned)
        if found := _FINAL.match(line):
            self._final = found[1]
        else:
            self._log.write(cleaned)

    def _label(self, seen: _Seen) -> str:
        return self._instructions.label(seen.step) if seen.step else "-"

    def _failed(self) -> _Seen | None:
        """The vertex that failed first. If steps run in parallel, one failure cancels the others."""
        failed = [seen for seen in self._vertices.values() if seen.vertex.error]
        culprits = [seen for seen in failed if not cancelled(seen.vertex.error)]
        return culprits[0] if culprits else None


def cancelled(error: str) -> bool:
    """Whether BuildKit ended what failed, and it did not fail by itself."""
    return bool(_CANCELLED.search(error))


def phase_of(vertex_name: str) -> Phase | None:
    if "generating sbom" in vertex_name:
        return Phase.ATTEST
    return next((phase for start, phase in _PHASES if vertex_name.startswith(start)), None)
