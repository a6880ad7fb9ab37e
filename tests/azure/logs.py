"""What the platform's worker would pass on to Application Insights."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from boatyard_azure.telemetry import LINES

Lines = Callable[[], list[dict[str, Any]]]
"""Boatyard's lines since the last call."""


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def kept_lines() -> Iterator[Lines]:
    """With a handler on the root, as the worker has it.

    AWS's telemetry stops what "boatyard" sends to the root, for its whole process: its tests may have run in this one.
    """
    root, above, logger = logging.getLogger(), logging.getLogger("boatyard"), logging.getLogger(LINES)
    handler, level, propagate = _Kept(), logger.level, above.propagate
    root.addHandler(handler)
    above.propagate = True
    try:
        yield lambda: _taken(handler)
    finally:
        root.removeHandler(handler)
        above.propagate = propagate
        logger.setLevel(level)


def _taken(handler: _Kept) -> list[dict[str, Any]]:
    records, handler.records = handler.records, []
    found = []
    for record in records:
        if record.name == LINES:
            line = json.loads(record.getMessage())
            assert line["severity"] == record.levelname
            found.append(line)
    return found
