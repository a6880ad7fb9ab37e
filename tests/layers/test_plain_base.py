"""A base that has Python and no environment, and uv from an image: BuildKit opens it once, and wheels need only its
interpreter."""

import json
from pathlib import Path

import msgspec
import pytest

from boatyard.dockerfile.frame import UV_PLACE
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import LAYER_TYPES
from boatyard_layers.base import manifest_of
from boatyard_layers.model import PathEntry, Prefix
from boatyard_layers.pack import LayerItem, pack
from boatyard_layers.store import LayerStore
from boatyard_registry.blobs import Blobs
from tests.buildkit.conftest import engine
from tests.layers.test_image import Yard, new_yard, pip

__all__ = ["engine", "new_yard"]

pytestmark = pytest.mark.integration


def uv_image(yard: Yard, out: Path) -> str:
    """As its makers publish it: one layer with the program."""
    place = Repository.parse(f"{yard.engine.host}/uv/{yard.name}")
    store = LayerStore(Blobs(yard.engine.registry.client), place, place)
    program = Path(yard.engine.settings.uv.directory, "uv-amd64")
    entry = PathEntry(path="/uv", mode=0o755, size=program.stat().st_size)
    layer = pack([LayerItem(entry, program)], out, "gzip", 1)
    store.put_layer(layer, out)
    config: dict[str, object] = {"os": "linux", "architecture": "amd64"}
    prefix = Prefix(key="", platform="linux/amd64", layers=(layer,), config=config)
    store.put_image(Reference(place, "v1"), {"linux/amd64": prefix}, {})
    return f"{place}:v1"


def test_buildkit_opens_it_once_and_another_package_needs_none(new_yard: Yard, tmp_path: Path) -> None:
    blobs = Blobs(new_yard.engine.registry.client)
    uv = msgspec.structs.replace(new_yard.settings.uv, directory="", image=uv_image(new_yard, tmp_path / "uv"))
    output = msgspec.structs.replace(new_yard.settings.output, compression="gzip", compression_level=6)
    new_yard.settings = msgspec.structs.replace(new_yard.settings, uv=uv, output=output)
    new_yard.base = new_yard.engine.base
    _, log = new_yard.run(new_yard.job(pip("six==1.17.0")))
    assert "uv and the virtual environment goes to BuildKit: the base image has no /opt/venv/bin/python" in log
    assert "with_pip_packages('six==1.17.0') made from wheels" in log
    job = new_yard.job(pip("idna==3.10"))
    digest, log = new_yard.run(job, buildkit=False)
    assert "uv and the virtual environment (found)" in log and "made from wheels" in log
    base = len(json.loads(manifest_of(Reference.parse(new_yard.base), "linux/amd64", blobs).body)["layers"])
    made, inventory = new_yard.real_base.above(Reference.parse(job.target).at(digest), base)
    # The environment and the wheels. BuildKit may have uv's layer from another build, compressed as it was then.
    assert {layer.media_type for layer in made.layers[base + 1 :]} == {f"{LAYER_TYPES[0]}+gzip"}
    assert inventory.get(UV_PLACE)
    site = "/opt/venv/lib/python3.11/site-packages"
    assert inventory.get(f"{site}/idna/__init__.py") and not inventory.get(f"{site}/six.py")
    assert inventory.get(f"{site}/idna/__pycache__/__init__.cpython-311.pyc")
