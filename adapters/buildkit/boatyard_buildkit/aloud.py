"""Prints a job's log and progress on standard output, for runners that only see a pod's log.

It prints the rows of log.jsonl, and {"progress": …} when the progress changes and after every hundred lines, so that
the last few hundred lines always contain it.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from boatyard.job import JobProgress
from boatyard_buildkit.outbox import read_log, read_progress

_TICK_SECONDS: Final = 0.3
_LINES_BETWEEN: Final = 100


@contextmanager
def aloud(out: Path, stream: IO[bytes] | None = None) -> Iterator[None]:
    """Follows the folder while the body runs, and then to its end. A closed output is not an error."""
    voice = _Voice(out, stream or sys.stdout.buffer)
    done = threading.Event()

    def follow() -> None:
        while not done.wait(_TICK_SECONDS):
            voice.speak()

    thread = threading.Thread(target=follow, name="aloud", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        voice.speak()


class _Voice:
    def __init__(self, out: Path, stream: IO[bytes]) -> None:
        self._out = out
        self._stream = stream
        self._offset = 0
        self._since = 0
        self._told = JobProgress()

    def speak(self) -> None:
        try:
            while True:
                found = read_log(self._out, self._offset)
                for line in found.lines:
                    self._stream.write(msgspec.json.encode(line) + b"\n")
                    self._since += 1
                    if self._since >= _LINES_BETWEEN:
                        self._progress(again=True)
                if found.offset == self._offset:
                    break
                self._offset = found.offset
            self._progress()
            self._stream.flush()
        except (OSError, ValueError):
            return

    def _progress(self, *, again: bool = False) -> None:
        progress = read_progress(self._out)
        if again or progress != self._told:
            self._told = progress
            self._since = 0
            self._stream.write(b'{"progress":' + msgspec.json.encode(progress) + b"}\n")
