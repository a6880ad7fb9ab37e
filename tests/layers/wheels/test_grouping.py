"""Many packages share few layers, and one more package changes one of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.lock import LockedPackage
from boatyard_layers.wheels.grouping import ALONE, grouped
from boatyard_layers.wheels.pins import Pin

MOST = 28
"""Of the 40 layers that 200 packages may have: a base has about ten of them."""
SIZES = st.one_of(st.just(0), st.integers(1, 10**6), st.integers(10**6, 10**9))


def pins(sizes: list[int]) -> list[Pin]:
    return [
        Pin(
            name=f"p{number}",
            version="1",
            wheels=(),
            size=size,
            locked=LockedPackage(name=f"p{number}", version="1"),
        )
        for number, size in enumerate(sizes)
    ]


def names(groups: tuple[tuple[Pin, ...], ...]) -> set[tuple[str, ...]]:
    return {tuple(pin.name for pin in group) for group in groups}


@settings(max_examples=40)
@given(st.lists(SIZES, max_size=300))
def test_each_distribution_is_in_one_of_few_layers(sizes: list[int]) -> None:
    groups = grouped(pins(sizes))
    assert len(groups) <= MOST
    assert sorted(pin.name for group in groups for pin in group) == sorted(pin.name for pin in pins(sizes))


@settings(max_examples=40)
@given(st.lists(SIZES, min_size=ALONE + 1, max_size=300), SIZES)
def test_one_more_distribution_changes_one_layer_and_what_it_takes_the_place_of(sizes: list[int], size: int) -> None:
    before, after = names(grouped(pins(sizes))), names(grouped(pins([*sizes, size])))
    assert len(after - before) <= 2


@settings(max_examples=40)
@given(st.lists(SIZES, max_size=ALONE - 1), SIZES)
def test_few_distributions_share_nothing(sizes: list[int], size: int) -> None:
    before, after = names(grouped(pins(sizes))), names(grouped(pins([*sizes, size])))
    assert after - before == {(f"p{len(sizes)}",)}


def test_the_heaviest_keep_their_layers_when_the_others_begin_to_share_some() -> None:
    sizes = [10**7] * 5 + [1000] * (ALONE - 5)
    before, after = names(grouped(pins(sizes))), names(grouped(pins([*sizes, 1000])))
    assert {(f"p{number}",) for number in range(5)} <= before & after
