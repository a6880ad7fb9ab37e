"""Errors are short, also if they quote long text or a library's message."""

import pytest

from boatyard.errors import CODES, LONGEST_DETAIL, BoatyardError, Code
from tests.core.orders import pip, plan


def test_a_detail_is_bounded_whoever_wrote_it() -> None:
    said_by_a_library = "expected a name: " + "(" * 1_000_000
    error = BoatyardError(Code.INVALID_SPEC, said_by_a_library, field="spec." + "x" * 1_000_000)
    assert len(error.detail) == LONGEST_DETAIL and error.detail.startswith("expected a name: (((")
    assert len(str(error)) == LONGEST_DETAIL and error.field and len(error.field) == LONGEST_DETAIL
    assert error.detail.endswith("…")


def test_a_detail_that_is_short_is_left_alone() -> None:
    error = BoatyardError(Code.INVALID_SPEC, "x" * LONGEST_DETAIL)
    assert error.detail == "x" * LONGEST_DETAIL and error.field is None


@pytest.mark.parametrize("package", ["six; " + "(" * 50_000, "six @ " + "[" * 50_000, "six==" + "1." * 30_000 + "!"])
def test_what_the_parser_of_requirements_says_is_bounded(package: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        plan(pip(package))
    assert len(refused.value.detail) <= LONGEST_DETAIL


def test_a_code_is_its_own_text() -> None:
    for code in CODES:
        assert f"{code}" == str(code) == code == code.value == "%s" % code  # noqa: UP031
