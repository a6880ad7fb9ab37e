"""Real wheels for amd64 and arm64, made on this machine without emulation, with the real registry."""

import json
import struct
import tarfile
from pathlib import Path

import msgspec
import pytest

from boatyard.reference import Reference, Repository
from boatyard_layers.artifacts import descriptor
from boatyard_layers.base import resolve
from boatyard_layers.model import Base, Prefix
from boatyard_layers.store import LayerStore
from boatyard_layers.tar_reading import plain
from boatyard_registry.blobs import Blobs
from boatyard_registry.locks import read_lock
from tests.buildkit.conftest import engine
from tests.layers.test_image import Yard, pip, yard

__all__ = ["engine", "yard"]

pytestmark = pytest.mark.integration

PLATFORMS = ("linux/amd64", "linux/arm64")
MACHINES = {"linux/amd64": 62, "linux/arm64": 183}
"""e_machine of an ELF file: EM_X86_64 and EM_AARCH64."""


def base_for_both(yard: Yard) -> tuple[str, int]:
    """An index of the engine's base, and of its layers with the configuration of arm64: no program of that one runs.

    Returns its name, and the number of layers."""
    client = yard.engine.registry.client
    place = Repository.parse(f"{yard.engine.host}/bases/{yard.project}")
    store = LayerStore(Blobs(client), place, place)
    base = resolve(Reference.parse(yard.base), PLATFORMS[0], {}, client, store)
    configs = (base.config, {**base.config, "architecture": "arm64", "variant": "v8"})
    images = {
        platform: Prefix(key="", platform=platform, layers=base.layers, config=config)
        for platform, config in zip(PLATFORMS, configs, strict=True)
    }
    store.put_image(Reference(place, "v1"), images, {})
    return f"{place}:v1", len(base.layers)


def contents(yard: Yard, image: Base, below: int, out: Path) -> dict[str, bytes]:
    """Files of the layers above the base's."""
    found: dict[str, bytes] = {}
    for layer in image.layers[below:]:
        Blobs(yard.engine.registry.client).download(Repository.parse(image.repository), descriptor(layer), out)
        with out.open("rb") as stream, tarfile.open(fileobj=plain(stream, layer.media_type), mode="r|") as archive:
            for member in archive:
                if member.isfile() and (content := archive.extractfile(member)):
                    found[member.name] = content.read()
    return found


def machine_of(program: bytes) -> int:
    found: int = struct.unpack_from("<H", program, 18)[0]
    return found


def test_wheels_of_both_are_made_here_side_by_side_with_the_byte_code_of_the_one_that_runs(
    yard: Yard, tmp_path: Path
) -> None:
    yard.base, base = base_for_both(yard)
    job = yard.job(pip("markupsafe==3.0.2", "msgspec==0.19.0"), platforms=PLATFORMS)
    _, log = yard.build(job, buildkit=False)
    target = Reference.parse(job.target)
    index = Blobs(yard.engine.registry.client).get_manifest(target)
    assert index
    entries = json.loads(index.body)["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64"]
    byte_code: list[dict[str, bytes]] = []
    for platform in PLATFORMS:
        assert f"[{platform} 2/2] with_pip_packages('markupsafe==3.0.2', 'msgspec==0.19.0') made from wheels" in log
        image = yard.read(msgspec.structs.replace(job, platforms=(platform,)), index.digest)
        assert image.config["architecture"] == platform.split("/")[1]
        files = contents(yard, image, base, tmp_path / "layer")
        programs = {path: machine_of(data) for path, data in files.items() if data.startswith(b"\x7fELF")}
        assert {path.rpartition("/")[2].partition(".")[0] for path in programs} == {"uv", "_core", "_speedups"}
        assert set(programs.values()) == {MACHINES[platform]}
        modules = [path for path in files if path.endswith(".py")]
        byte_code.append({path: files[cached(path)] for path in modules})
        assert len(modules) > 5
    assert byte_code[0] == byte_code[1]
    lock = read_lock(yard.engine.registry.client, target.at(index.digest))
    assert lock and [each.platform for each in lock.platforms] == list(PLATFORMS)


def cached(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"
