"""In an environment without distributions, one run of uv tells what two tell otherwise."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from boatyard.spec import Layer
from boatyard_layers.wheels import WheelsResult, make
from boatyard_layers.wheels.uv_process import UvOutput, UvTool
from tests.flyte import index
from tests.layers.wheels.conftest import Image, packages
from tests.layers.wheels.tiny import wheel


@pytest.fixture
def indexed(image: Image, tmp_path: Path) -> Iterator[Image]:
    wheel(tmp_path, "few", "1.0", {"few.py": ""})
    wheel(tmp_path, "few", "2.0", {"few.py": "f = 2\n"})
    wheel(tmp_path, "many", "1.0", {"many.py": ""}, requires=("few<2", 'extra; extra == "more"'))
    wheel(tmp_path, "many", "1.1a1", {"many.py": ""})
    wheel(tmp_path, "extra", "1.0", {"extra.py": ""})
    with index.serve(tmp_path, "", hashes=True) as url:
        image.address = f"{url}/public/simple"
        yield image


class Runs:
    """Counts the runs of uv, and can take the short way away."""

    def __init__(self, patch: pytest.MonkeyPatch, image: Image) -> None:
        self.commands: list[str] = []
        self._patch = patch
        self._image = image
        run = UvTool.run

        def counted(uv: UvTool, stage: object, command: Sequence[str], *rest: object, **options: object) -> UvOutput:
            self.commands.append(command[-1])
            return run(uv, stage, command, *rest, **options)  # type: ignore[arg-type]

        patch.setattr(UvTool, "run", counted)

    def both(self, layer: Layer) -> tuple[WheelsResult, list[str]]:
        """What the layer is, and the runs. Each time the environment has nothing."""
        before = self._image.facts, dict(self._image.view)
        found = self._image.make(layer)
        commands, self.commands = self.commands, []
        self._image.facts, self._image.view = before
        with self._patch.context() as patch:
            patch.setattr(make, "locked_alone", lambda *_: None)
            assert self._image.make(layer) == found
        self.commands = []
        return found, commands


@pytest.mark.parametrize(
    "requirements", [("many",), ("many==1.0", "few"), ("many[more]>=1,<2",), ("few ~= 1.0", "extra"), ("few",)]
)
def test_one_run_finds_the_same(requirements: tuple[str, ...], indexed: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    found, commands = Runs(monkeypatch, indexed).both(packages(*requirements))
    assert commands == ["compile", "install"]
    assert found.packages


@pytest.mark.parametrize(
    "layer",
    [packages("many", arguments="--pre"), packages("many; python_version > '3'"), packages("few", arguments="-U")],
)
def test_what_is_not_ordinary_is_resolved_by_an_installation(
    layer: Layer, indexed: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Runs(monkeypatch, indexed).both(layer)[1] == ["install", "compile", "install"]


def test_an_environment_with_distributions_is_resolved_by_an_installation(
    indexed: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps what is there: an older version that satisfies the requirement."""
    runs = Runs(monkeypatch, indexed)
    indexed.make(packages("few==1.0"))
    runs.commands.clear()
    assert runs.both(packages("few", "extra"))[1] == ["install", "compile", "install"]
