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
    """With a handler on the root, as the worker has it."""
    root, logger = logging.getLogger(), logging.getLogger(LINES)
    handler, level = _Kept(), logger.level
    root.addHandler(handler)
    try:
        yield lambda: _taken(handler)
    finally:
        root.removeHandler(handler)
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
