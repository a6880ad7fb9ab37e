"""The contract suite of telemetry, with powertools."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from boatyard_aws.telemetry import PowertoolsTelemetry
from tests.contract.test_telemetry import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_telemetry import Drain, Line

_FLUSHED = ("_aws", "service")


class PowertoolsDriver:
    def __init__(self, drain: Drain) -> None:
        self.telemetry = PowertoolsTelemetry()
        self._drain = drain
        self._stream = io.StringIO()
        self._handler: Any = self.telemetry.logger.registered_handler
        self._before = self._handler.stream
        self._handler.stream = self._stream  # not setStream, which flushes what an earlier test has closed

    def close(self) -> None:
        """powertools has one logger for the whole process, so other tests get it back as it was."""
        self._handler.stream = self._before
        self.telemetry.metrics.clear_metrics()

    def lines(self) -> list[Line]:
        written = self._stream.getvalue().splitlines()
        self._stream.seek(0)
        self._stream.truncate()
        documents = [json.loads(line) for line in written]
        return [Line(found.pop("message"), found["level"] == "ERROR", found) for found in documents]

    def metrics(self) -> dict[str, float]:
        self.telemetry.metrics.flush_metrics()
        sums: dict[str, float] = {}
        for document in self._drain():
            for name, values in document.items():
                if name not in _FLUSHED:
                    sums[name] = sums.get(name, 0) + sum(values)
        return sums


@pytest.fixture
def driver(drain: Drain) -> Iterator[PowertoolsDriver]:
    made = PowertoolsDriver(drain)
    made.telemetry.metrics.clear_metrics()
    yield made
    made.close()
