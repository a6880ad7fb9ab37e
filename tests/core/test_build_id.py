"""Malformed build ids are refused, because an id becomes part of paths and names."""

import pytest

from boatyard.build import BuildId, is_build_tag
from boatyard.key import TAG_LENGTH

TAG = "0123456789abcdef" * 2


@pytest.mark.parametrize("attempt", [1, 10, 999_999])
def test_an_id_is_read_as_it_was_made(attempt: int) -> None:
    made = BuildId(TAG, attempt)
    assert str(made) == f"{TAG}-{attempt}"
    assert BuildId.parse(str(made)) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        TAG,
        f"{TAG}-",
        f"{TAG}-0",
        f"{TAG}-01",
        f"{TAG}--1",
        f"{TAG}-1000000",
        f"{TAG}-1\n",
        f"{TAG}-1/../x",
        f"{TAG}-\u0661",
        f"{TAG.upper()}-1",
        f"{TAG[1:]}-1",
        f"../{TAG}-1",
    ],
)
def test_what_was_never_an_id_is_not_parsed(text: str) -> None:
    assert BuildId.parse(text) is None


def test_a_tag_is_as_long_as_keys_make_it() -> None:
    assert len(TAG) == TAG_LENGTH and is_build_tag(TAG)
    assert not any(map(is_build_tag, ("", TAG[1:], f"{TAG}\n", f"{TAG}0", TAG.upper(), "../" + TAG[3:])))
