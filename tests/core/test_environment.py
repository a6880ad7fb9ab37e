"""The order of environment variables affects the key only if one refers to another."""

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from boatyard.dockerfile.environment import ordered
from boatyard.dockerfile.quoting import references
from boatyard.plan import Plan
from tests.core import orders


def plan(variables: dict[str, str]) -> Plan:
    return orders.plan({"env": {"envVariables": variables}})


def test_one_image_whatever_the_order_of_its_variables() -> None:
    pairs = [("B", "1"), ("A", "x y"), ("C", r"\$A ${A:-b} $"), ("D", "$PATH")]
    plans = [plan(dict(some)) for some in permutations(pairs)]
    assert len({made.keys.image for made in plans}) == 1
    assert len({made.dockerfile for made in plans}) == 1


def test_a_reference_keeps_its_order() -> None:
    before, after = {"Z": "1", "A": "$Z/x", "B": "2"}, {"A": "$Z/x", "Z": "1", "B": "2"}
    assert list(ordered(before)) == ["B", "Z", "A"]
    assert list(ordered(after)) == ["A", "B", "Z"]
    assert plan(before).keys.image != plan(after).keys.image
    assert plan(before).dockerfile.index("ENV Z=") < plan(before).dockerfile.index("ENV A=")
    assert plan(after).dockerfile.index("ENV Z=") > plan(after).dockerfile.index("ENV A=")


def test_references_are_those_that_expand() -> None:
    assert references(r"$A ${B} \$C ${D:-x} $1 $$E") == {"A", "B", "E"}


NAMES = st.sampled_from("ABCDEF")
VALUES = st.lists(st.one_of(NAMES.map(lambda name: f"${{{name}}}"), st.sampled_from("xyz")), max_size=3).map("".join)


def expanded(variables: dict[str, str]) -> dict[str, str]:
    """The variables after ENV instructions for each of them, in order."""
    there: dict[str, str] = {name: f"<{name}>" for name in "ABCDEF"}
    for name, value in variables.items():
        for other in sorted(references(value)):
            value = value.replace(f"${{{other}}}", there[other])
        there[name] = value
    return there


@given(st.dictionaries(NAMES, VALUES), st.randoms())
def test_every_variable_keeps_its_value_and_the_order_is_one(variables: dict[str, str], random: Any) -> None:
    made = ordered(variables)
    assert made == variables
    assert expanded(made) == expanded(variables)
    assert list(ordered(made)) == list(made)
    shuffled = list(variables.items())
    random.shuffle(shuffled)
    if expanded(dict(shuffled)) == expanded(variables) and not any(references(v) for v in variables.values()):
        assert list(ordered(dict(shuffled))) == list(made)
