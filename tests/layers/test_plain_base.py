"""A base that has Python and no environment, and uv from an image: the environment is the one that BuildKit makes, and
nothing needs BuildKit."""

import json
import tarfile
from pathlib import Path

import msgspec
import pytest

from boatyard.decoding import convert
from boatyard.dockerfile.frame import UV_PLACE
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import LAYER_TYPES
from boatyard_layers.base import manifest_of
from boatyard_layers.interpreter import VENV
from boatyard_layers.model import PathEntry, Prefix
from boatyard_layers.pack import LayerItem, pack
from boatyard_layers.store import LayerStore
from boatyard_layers.tar_reading import plain
from boatyard_registry.blobs import Blobs
from boatyard_registry.media import Descriptor
from tests.buildkit.conftest import engine
from tests.layers.test_image import Yard, files_of, new_yard, pip

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


def contents(blobs: Blobs, image: Reference, number: int, out: Path) -> dict[str, bytes]:
    """Of the environment's files, in the layers above so many."""
    found: dict[str, bytes] = {}
    for layer in json.loads(manifest_of(image, "linux/amd64", blobs).body)["layers"][number:]:
        blobs.download(image.repository, convert(layer, Descriptor), out)
        with out.open("rb") as stream, tarfile.open(fileobj=plain(stream, layer["mediaType"]), mode="r|") as archive:
            for member in archive:
                path = f"/{member.name}"
                if member.isfile() and path.startswith(f"{VENV}/") and (content := archive.extractfile(member)):
                    found[path] = content.read()
    return found


def test_its_environment_is_that_of_buildkit_and_packages_need_none(new_yard: Yard, tmp_path: Path) -> None:
    blobs = Blobs(new_yard.engine.registry.client)
    uv = msgspec.structs.replace(new_yard.settings.uv, directory="", image=uv_image(new_yard, tmp_path / "uv"))
    output = msgspec.structs.replace(new_yard.settings.output, compression="gzip", compression_level=6)
    new_yard.settings = msgspec.structs.replace(new_yard.settings, uv=uv, output=output)
    new_yard.base = new_yard.engine.base
    base = len(json.loads(manifest_of(Reference.parse(new_yard.base), "linux/amd64", blobs).body)["layers"])
    job = new_yard.job(pip("idna==3.10"))
    made, log = new_yard.build(job, buildkit=False)
    assert "uv and the virtual environment made from files" in log and "made from wheels" in log
    whole = new_yard.job(pip("idna==3.10"), by="builder")
    expected, _ = new_yard.build(msgspec.structs.replace(whole, target=f"{whole.target}-whole", force=True))
    ours, theirs = files_of(made), files_of(expected)
    assert {
        path: (ours.get(path), theirs.get(path))
        for path in ours.keys() | theirs.keys()
        if ours.get(path) != theirs.get(path)
    } == {}
    images = [Reference(Repository.parse(each.repository)).at(each.digest) for each in (made, expected)]
    mine, its = (contents(blobs, image, base, tmp_path / "layer") for image in images)
    assert mine.keys() == its.keys()
    assert [path for path, data in mine.items() if data != its[path]] == []
    assert {layer.media_type for layer in made.layers[base:]} == {f"{LAYER_TYPES[0]}+gzip"}
    assert UV_PLACE in ours
    site = f"{VENV}/lib/python3.11/site-packages"
    assert f"{site}/idna/__init__.py" in mine and f"{site}/idna/__pycache__/__init__.cpython-311.pyc" in mine
