"""One solve of BuildKit gives a prefix for each of its steps, or for the last one alone if anything is unclear."""

from collections.abc import Sequence

import msgspec
import pytest

from boatyard.spec import Env, Layer, WorkDir
from boatyard_layers.cutting import cut
from boatyard_layers.inventory import Inventory
from boatyard_layers.made import Made
from boatyard_layers.model import LayerBlob
from boatyard_layers.plan import MakerStep

DOCKERFILE = ("FROM base", "RUN one", 'ENV A="1"', "RUN two", "RUN three", "WORKDIR /w", "LABEL a=b")
BEFORE = {"created": "then", "config": {"Env": ["PATH=/bin"], "Labels": None}}
AFTER = {"created": "now", "config": {"Env": ["PATH=/bin", "A=1"]}}


def made(layers: int, config: dict[str, object]) -> Made:
    blobs = tuple(LayerBlob(digest=f"{n}", size=1, media_type="tar", diff_id=f"{n}") for n in range(layers))
    return Made(config=config, layers=blobs, inventory=Inventory.empty(), files={})


def pushed(layers: int, config: dict[str, object] = AFTER) -> list[Made]:
    return [*(made(number, BEFORE) for number in range(layers)), made(layers, config)]


def step(number: int, first: int, last: int, layer: Layer | None = None) -> MakerStep:
    return MakerStep(
        number=number, title="", maker="run", prefix=f"{number}", first_line=first, last_line=last, layer=layer
    )


STEPS = (step(1, 2, 2), step(2, 3, 3, Env(env_variables={"A": "1"})), step(3, 4, 5), step(4, 0, -1))


def cuts(steps: Sequence[MakerStep], after: list[Made]) -> list[Made] | None:
    return cut(steps, DOCKERFILE, BEFORE, after, {})


def test_each_step_ends_with_its_own_layers_and_variables() -> None:
    found = cuts(STEPS, pushed(3))
    assert found
    assert [len(each.layers) for each in found] == [1, 1, 3, 3]
    assert [each.config["created"] for each in found] == ["now"] * 4
    assert [each.config["config"]["Env"] for each in found] == [["PATH=/bin"], *([["PATH=/bin", "A=1"]] * 3)]  # type: ignore[index]


def test_a_working_directory_has_a_layer() -> None:
    after = {"config": {"Env": ["PATH=/bin"], "WorkingDir": "/w"}}
    found = cuts((step(1, 5, 5), step(2, 6, 6, WorkDir(workdir="/w"))), pushed(2, after))
    assert found and [len(each.layers) for each in found] == [1, 2]


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_another_number_of_layers_is_unclear(layers: int) -> None:
    assert cuts(STEPS, pushed(layers)) is None


@pytest.mark.parametrize("change", [{"Env": ["PATH=/bin", "A=2"]}, {"User": "someone"}])
def test_another_configuration_at_the_end_is_unclear(change: dict[str, object]) -> None:
    config = {**AFTER, "config": {"Env": ["PATH=/bin", "A=1"], **change}}
    assert cuts(STEPS, pushed(3, config)) is None


def test_an_instruction_that_is_not_known_is_unclear() -> None:
    assert cuts((*STEPS, step(5, 7, 7)), pushed(3)) is None


def test_what_the_opening_sets_is_known() -> None:
    opening = msgspec.structs.replace(step(0, 2, 2))
    config = {"config": {"Env": ["PATH=/opt/venv/bin:/bin"], "User": "root"}}
    assert cuts((opening, step(1, 4, 4)), pushed(2, config)) is None, "its variables are missing"
