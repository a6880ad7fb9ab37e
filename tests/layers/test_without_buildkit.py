"""A job that has no BuildKit says which layer needs one, and why."""

from collections.abc import Sequence
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_layers import image
from boatyard_layers.errors import NotExact
from boatyard_layers.plan import MakerStep


class WithoutBuildkit:
    """In place of the makers: every layer of wheels is given up, and what then runs is refused."""

    def make(self, left: Sequence[MakerStep], made: Any, keys: Sequence[str]) -> tuple[int, Any]:
        if left[0].maker == "wheels":
            raise NotExact("six has no wheel")
        if left[0].maker == "run":
            raise BoatyardError("UNSUPPORTED", "a step needs BuildKit")
        return 1, made


class Silent:
    def begin(self, step: MakerStep) -> None: ...
    def falls_back(self, step: MakerStep, reason: str) -> None: ...
    def made(self, *_: Any) -> None: ...


def step(number: int, maker: Any) -> MakerStep:
    return MakerStep(number=number, title="x", maker=maker, prefix="", first_line=1, last_line=1)


@pytest.mark.parametrize(
    ("makers", "detail", "layer"),
    [
        (("files", "files", "wheels"), "layer 1: six has no wheel; a step needs BuildKit", 1),
        (("wheels",), "the image's beginning: six has no wheel; a step needs BuildKit", None),
        (("files", "run"), "a step needs BuildKit", None),
    ],
)
def test_the_refusal_names_the_layer_and_the_reason(makers: Sequence[str], detail: str, layer: int | None) -> None:
    steps = tuple(step(number, maker) for number, maker in enumerate(makers))
    with pytest.raises(BoatyardError) as refused:
        image._make(steps, (), None, WithoutBuildkit(), Silent())  # type: ignore[arg-type]
    assert (refused.value.detail, refused.value.layer_index) == (detail, layer)
