"""Whatever packages a sequence of layers adds, upgrades, downgrades and removes: the environment is the one that uv
makes of the same sequence at the real path, or the layer is left to the builder.

The suite tries the same few sequences each time, `make fuzz-layers` tries BOATYARD_SEQUENCES others.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, example, given, settings

from boatyard.spec import Layer, PipOptions, Requirements
from boatyard_layers.errors import NotExact
from tests.flyte import index
from tests.layers.wheels.conftest import Image, packages
from tests.layers.wheels.tiny import compared, tree
from tests.layers.wheels.universe import Release, Step, Universe, universes

EXAMPLES = int(os.environ.get("BOATYARD_SEQUENCES", "0"))
CONFLICTS = ("in common", "there already", "no folder", "no directory")
SHARED_FOLDER = Universe(
    releases=(
        Release("bee", "1.0", {"bee.py": ""}, (), {}, ""),
        Release("bee", "2.0", {"a_namespace/__init__.py": ""}, (), {}, ""),
        Release("dog", "1.0", {"a_namespace/dog.py": ""}, (), {}, ""),
    ),
    steps=(Step(("bee==2.0", "dog==1.0"), "", False), Step(("bee==1.0",), "", False)),
)
"""uv deletes the byte code of a distribution that stays, with that of its neighbour in the folder."""


class Sequenced:
    """One environment at one path, which sequences use one after the other."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.image = Image(folder, cache)
        self.empty = folder / "empty"
        shutil.copytree(self.image.venv, self.empty, symlinks=True)

    def begin(self) -> None:
        shutil.rmtree(self.image.venv)
        shutil.copytree(self.empty, self.image.venv, symlinks=True)
        self.image.reset()

    def layer(self, step: Step) -> Layer:
        if not step.by_file:
            return packages(*step.requirements, arguments=step.options)
        (self.folder / "r.txt").write_text("".join(f"{line}\n" for line in step.requirements))
        return Requirements(file="r.txt", options=PipOptions(extra_args=step.options))

    def real(self, step: Step) -> str:
        """What uv says if it refuses."""
        python = str(self.image.venv / "bin" / "python")
        words = ["--index-url", self.image.address, *step.options.split(), "--", *step.requirements]
        try:
            self.image.uv("pip", "install", "--python", python, *words)
        except AssertionError as refused:
            return str(refused)
        return ""


@pytest.fixture(scope="module")
def environment(uv_cache: Path) -> Iterator[Sequenced]:
    with tempfile.TemporaryDirectory(prefix="by-") as folder:
        yield Sequenced(Path(folder), uv_cache)


@settings(max_examples=EXAMPLES or 6, derandomize=not EXAMPLES, suppress_health_check=list(HealthCheck))
@example(universe=SHARED_FOLDER)
@given(universe=universes())
def test_the_environment_is_the_one_that_uv_makes(environment: Sequenced, universe: Universe) -> None:
    image = environment.image
    with tempfile.TemporaryDirectory() as folder, index.serve(Path(folder), "", hashes=True) as url:
        universe.put(Path(folder))
        image.address = f"{url}/public/simple"
        image.store.groups.clear()
        environment.begin()
        for step in universe.steps:
            if not step.requirements:
                environment.begin()
                continue
            before = image.facts
            reason = ""
            try:
                image.make(environment.layer(step))
            except NotExact as left:
                reason = str(left)
                assert image.facts is before
            refusal = environment.real(step)
            if refusal:
                event("refused")
                assert reason, refusal
            elif reason:
                event(f"left to the builder: {reason[-30:]}")
                assert universe.conflicts() and any(words in reason for words in CONFLICTS), reason
                image.reset()
            else:
                event("made")
                _same(image, step)


def _same(image: Image, step: Step) -> None:
    made, real = image.made, compared(tree(image.venv))
    different = {p: (made.get(p), real.get(p)) for p in made.keys() | real.keys() if made.get(p) != real.get(p)}
    assert different == {}, step
    assert image.facts.inventory == image.described().inventory
    assert image.facts.files == image.described().files
