"""A base that has Python and no environment, and uv from an image: the environment is the one that BuildKit makes, and
nothing needs BuildKit."""

import json
import marshal
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from boatyard.decoding import convert
from boatyard.dockerfile.frame import UV_PLACE
from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import LAYER_TYPES
from boatyard_layers.base import manifest_of
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import VENV, PathEntry, Prefix
from boatyard_layers.pack import LayerItem, pack
from boatyard_layers.store import LayerStore
from boatyard_layers.tar_reading import plain
from boatyard_registry.blobs import Blobs
from boatyard_registry.media import Descriptor
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


def above(inventory: Inventory) -> dict[str, PathEntry]:
    """What the layers above the base have, but for folders of the base, which BuildKit's have again."""
    entries = {entry.path: entry for entry in inventory if entry.kind != "directory" or entry.path.startswith(VENV)}
    assert UV_PLACE in entries and VENV in entries
    return entries


def meaning(path: str, data: bytes) -> bytes:
    """Of byte code, without the marks that depend on what was compiled before (decision 0043)."""
    if not path.endswith(".pyc"):
        return data
    known = sys.version_info[:2] == (3, 11)  # the base's
    return data[:16] + (marshal.dumps(marshal.loads(data[16:]), 2) if known else b"")  # noqa: S302 - made here


def test_its_environment_is_that_of_buildkit_and_packages_need_none(new_yard: Yard, tmp_path: Path) -> None:
    blobs = Blobs(new_yard.engine.registry.client)
    uv = msgspec.structs.replace(new_yard.settings.uv, directory="", image=uv_image(new_yard, tmp_path / "uv"))
    output = msgspec.structs.replace(new_yard.settings.output, compression="gzip", compression_level=6)
    new_yard.settings = msgspec.structs.replace(new_yard.settings, uv=uv, output=output)
    new_yard.base = new_yard.engine.base
    base = len(json.loads(manifest_of(Reference.parse(new_yard.base), "linux/amd64", blobs).body)["layers"])
    job = new_yard.job(pip("idna==3.10"))
    digest, log = new_yard.run(job, buildkit=False)
    assert "uv and the virtual environment made from files" in log and "made from wheels" in log
    whole = new_yard.job(pip("idna==3.10"), by="builder")
    expected, _ = new_yard.run(msgspec.structs.replace(whole, target=f"{whole.target}-whole", force=True))
    images = [Reference.parse(job.target).at(each) for each in (digest, expected)]
    (made, ours), (_, theirs) = (new_yard.real_base.above(image, base) for image in images)
    assert above(ours) == above(theirs)
    mine, its = (contents(blobs, image, base, tmp_path / "layer") for image in images)
    assert mine.keys() == its.keys()
    assert [path for path, data in mine.items() if meaning(path, data) != meaning(path, its[path])] == []
    assert {layer.media_type for layer in made.layers[base:]} == {f"{LAYER_TYPES[0]}+gzip"}
    site = f"{VENV}/lib/python3.11/site-packages"
    assert f"{site}/idna/__init__.py" in mine and f"{site}/idna/__pycache__/__init__.cpython-311.pyc" in mine
