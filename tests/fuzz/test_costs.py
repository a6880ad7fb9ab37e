"""The cost of large requests grows linearly. Absolute times are measured by `make fuzz`, on a quiet machine."""

import time
from collections.abc import Iterator

import pytest

from tests.fuzz.campaign import _deployment, _examples
from tests.fuzz.edges import Edges
from tests.fuzz.largest import LARGEST, Make

WHOLE, HALF = 0.25, 0.125
"""Scales: a quarter of what is allowed is enough to see how it grows."""
SMALL = 0.06
"""Seconds of CPU that are too few to compare."""
GENEROUS = 5.0
"""Seconds: five times what `make fuzz` allows."""


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edges]:
    made = _deployment(tmp_path_factory.mktemp("contexts"))
    _examples(made)
    yield made
    made.close()


def seconds(edges: Edges, make: Make, scale: float) -> float:
    request = make(scale)
    began = time.process_time()
    response = edges.edges["api"](request)
    assert response.status < 500
    return time.process_time() - began


@pytest.mark.parametrize("name", LARGEST)
def test_twice_as_much_costs_twice_as_much(name: str, edges: Edges) -> None:
    make = LARGEST[name]
    for _ in range(3):  # another process may have had the processor's cache
        whole, half = seconds(edges, make, WHOLE), seconds(edges, make, HALF)
        assert whole < GENEROUS
        if whole < 3 * half + SMALL:
            return
    raise AssertionError(f"{half:.3f} s for half of what takes {whole:.3f} s")
