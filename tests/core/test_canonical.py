"""The canonical encoding under every key is unambiguous."""

from hypothesis import given
from hypothesis import strategies as st

from boatyard.canonical import encode

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12)


def typed(value: object) -> object:
    """In Python, 1 == True and 0 == False. The encoding distinguishes them."""
    if isinstance(value, tuple):
        return tuple(typed(item) for item in value)
    return (type(value).__name__, value)


@given(values, values)
def test_two_values_share_an_encoding_only_if_they_are_equal(one: object, other: object) -> None:
    assert (encode(one) == encode(other)) == (typed(one) == typed(other))  # type: ignore[arg-type]


def test_boundaries_do_not_move() -> None:
    assert encode(("a", "bc")) != encode(("ab", "c"))
    assert encode("1") != encode(1) != encode(True)
    assert encode(None) != encode("") != encode(b"")
    assert encode((("a",), "b")) != encode((("a", "b"),))


def test_the_encoding_is_pinned() -> None:
    assert encode(("a", 1, None, b"x", True, ())) == b"l6:s1:ai1:1n0:x1:xb1:1l0:"
