"""The contract suite of telemetry, with lines for Application Insights."""

from typing import Any

import pytest

from boatyard_azure.telemetry import InsightsTelemetry
from tests.azure.logs import Lines
from tests.contract.test_telemetry import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_telemetry import Line


class InsightsDriver:
    def __init__(self, drain: Lines) -> None:
        self.telemetry = InsightsTelemetry()
        self._drain = drain
        self._read: list[dict[str, Any]] = []

    def lines(self) -> list[Line]:
        self._read += self._drain()
        found = [document for document in self._read if document["message"] != "metrics"]
        self._read = [document for document in self._read if document["message"] == "metrics"]
        return [Line(document.pop("message"), document["severity"] == "ERROR", document) for document in found]

    def metrics(self) -> dict[str, float]:
        self._read += self._drain()
        sums: dict[str, float] = {}
        for document in self._read:
            for name, value in document.get("metrics", {}).items():
                sums[name] = sums.get(name, 0) + value
        self._read = []
        return sums


@pytest.fixture
def driver(lines: Lines) -> InsightsDriver:
    return InsightsDriver(lines)
