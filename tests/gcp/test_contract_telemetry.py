"""The contract suite of telemetry, with lines for Cloud Logging."""

from collections.abc import Iterator
from typing import Any

import pytest

from boatyard_gcp.telemetry import CloudLogging
from tests.contract.test_telemetry import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_telemetry import Drain, Line


class CloudLoggingDriver:
    def __init__(self, drain: Drain) -> None:
        self.telemetry = CloudLogging("p")
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
def driver(drain: Drain) -> Iterator[CloudLoggingDriver]:
    return CloudLoggingDriver(drain)
