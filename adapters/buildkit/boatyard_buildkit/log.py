"""Writes the job's log: bounded, redacted, one JSON object per line, readable while it grows."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from boatyard_buildkit.outbox import LogLine
from boatyard_buildkit.redaction import Redactor

_LONGEST_LINE: Final = 4096
_LIMIT: Final = 20 * 1024**2
_CONTROL: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class LogFile:
    """Appends lines. After `limit` bytes, it writes one last note and drops the rest, to protect the disk.
    Thread-safe."""

    def __init__(
        self,
        path: Path,
        redact: Redactor | None = None,
        *,
        limit: int = _LIMIT,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = path.open("ab", buffering=0)
        self._left = limit - self._file.tell()
        self.redact = redact or Redactor()
        self._now = now
        self._full = False
        self._lock = threading.Lock()

    def hide(self, redact: Redactor) -> None:
        """Redacts all further lines. Call it before anything runs that knows a secret."""
        self.redact = redact

    def clean(self, text: str) -> str:
        """A line that is safe to show: without terminal controls and secrets, and bounded."""
        # Before controls are removed, because a secret may contain some, and after, because they may split one.
        text = self.redact(_CONTROL.sub("", self.redact(text.rstrip("\r\n"))).replace("\t", "    "))
        return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"

    def clean_lines(self, text: str) -> str:
        return "\n".join(self.clean(line) for line in text.splitlines())

    def write(self, text: str) -> None:
        lines = [self.clean(line) for line in text.splitlines() or [""]]
        with self._lock:
            for line in lines:
                self._append(line)

    def close(self) -> None:
        self._file.close()

    def _append(self, line: str) -> None:
        if self._full:
            return
        row = msgspec.json.encode(LogLine(round(self._now(), 3), line)) + b"\n"
        if len(row) > self._left:
            self._full = True
            row = msgspec.json.encode(LogLine(round(self._now(), 3), "… the log is full; the rest is left out"))
            row += b"\n"
        self._left -= len(row)
        # One write per line, so a reader never sees half of one, unless the job is killed in the middle.
        self._file.write(row)
