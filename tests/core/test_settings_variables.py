"""Settings from variables: values that need each other, and which variable is named for a fault."""

import pytest

from boatyard.errors import BoatyardError
from boatyard.settings_variables import with_variables

ZSTD = {"output": {"compression": "zstd", "compressionLevel": 22}}
GZIP = {"BOATYARD_OUTPUT__COMPRESSION": "gzip", "BOATYARD_OUTPUT__COMPRESSION_LEVEL": "9"}


def test_values_that_need_each_other_are_set_together() -> None:
    output = with_variables(ZSTD, GZIP).output
    assert (output.compression, output.compression_level) == ("gzip", 9)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"BOATYARD_LIMITS__CONCURRENT_BUILDS": "many"}, "BOATYARD_LIMITS__CONCURRENT_BUILDS"),
        ({"BOATYARD_OUTPUT__COMPRESSION_LEVEL": "10"}, "BOATYARD_OUTPUT__COMPRESSION"),
        ({"BOATYARD_LIMITS__CONCURRENT_BUILDS": "many", "BOATYARD_OUTPUT__REPRODUCIBLE": "so"}, "BOATYARD_"),
    ],
)
def test_the_variable_at_fault_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        with_variables(ZSTD, {**GZIP, **wrong})
    assert refused.value.detail.startswith(named)
