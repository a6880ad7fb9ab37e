"""Environments and real wheels for amd64 and arm64, made on this machine without emulation, with the real registry."""

import json
import struct
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.decoding import convert
from boatyard.reference import Reference, Repository
from boatyard_layers.base import manifest_of
from boatyard_layers.tar_reading import plain
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import read_lock
from boatyard_registry.media import Descriptor
from boatyard_registry.tag_list import tags
from tests.buildkit.conftest import engine
from tests.layers.both_platforms import base_for_both
from tests.layers.test_image import Yard, new_yard, pip

__all__ = ["engine", "new_yard"]

pytestmark = pytest.mark.integration

PLATFORMS = ("linux/amd64", "linux/arm64")
ARCHITECTURES = {"linux/amd64": ("amd64", None), "linux/arm64": ("arm64", "v8")}
MACHINES = {"linux/amd64": 62, "linux/arm64": 183}
"""e_machine of an ELF file: EM_X86_64 and EM_AARCH64."""


class Images:
    """Images as documents: nothing of their layers is read that a test does not ask for."""

    def __init__(self, client: RegistryClient) -> None:
        self.client = client
        self.blobs = Blobs(client)

    def of(self, image: Reference, platform: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The manifest and the configuration."""
        manifest = json.loads(manifest_of(image, platform, self.blobs).body)
        config = self.blobs.read(image.repository, convert(manifest["config"], Descriptor), 1 << 20)
        return manifest, json.loads(config or b"{}")

    def kinds(self, repository: Repository) -> set[str]:
        """First words of the repository's tags."""
        return {tag.partition("-")[0] for tag in tags(self.client, repository)}

    def files(self, repository: Repository, layers: list[dict[str, Any]], out: Path) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for layer in layers:
            self.blobs.download(repository, convert(layer, Descriptor), out)
            with (
                out.open("rb") as stream,
                tarfile.open(fileobj=plain(stream, layer["mediaType"]), mode="r|") as archive,
            ):
                for member in archive:
                    if member.isfile() and (content := archive.extractfile(member)):
                        found[member.name] = content.read()
        return found


def machine_of(program: bytes) -> int:
    found: int = struct.unpack_from("<H", program, 18)[0]
    return found


def test_environments_and_wheels_of_both_are_made_here_side_by_side_with_the_byte_code_of_the_one_that_runs(
    new_yard: Yard, tmp_path: Path
) -> None:
    images = Images(new_yard.engine.registry.client)
    own = Reference(Repository.parse(f"{new_yard.engine.host}/bases/{new_yard.name}"), "v1")
    base = base_for_both(new_yard.engine.registry.client, Reference.parse(new_yard.engine.base), own)
    new_yard.base = str(own)
    cache = msgspec.structs.replace(new_yard.settings.cache, repository=f"{new_yard.engine.host}/cache/{new_yard.name}")
    new_yard.settings = msgspec.structs.replace(new_yard.settings, cache=cache, platforms=("linux/amd64",))
    job = new_yard.job(pip("markupsafe==3.0.2", "msgspec==0.19.0"), platform=PLATFORMS)
    digest, log = new_yard.run(job, buildkit=False, empty=True)
    target = Reference.parse(job.target)
    index = images.blobs.get_manifest(target)
    assert index and index.digest == digest
    platforms = [entry["platform"] for entry in json.loads(index.body)["manifests"]]
    assert [each["architecture"] for each in platforms] == ["amd64", "arm64"]
    byte_code: list[dict[str, bytes]] = []
    environments: list[dict[str, bytes]] = []
    for platform in PLATFORMS:
        assert f"[{platform} 1/2] uv and the virtual environment made from files" in log
        assert f"[{platform} 2/2] with_pip_packages('markupsafe==3.0.2', 'msgspec==0.19.0') made from wheels" in log
        manifest, config = images.of(target, platform)
        assert (config["architecture"], config.get("variant")) == ARCHITECTURES[platform]
        files = images.files(target.repository, manifest["layers"][base:], tmp_path / "layer")
        programs = {path: machine_of(data) for path, data in files.items() if data.startswith(b"\x7fELF")}
        assert {path.rpartition("/")[2].partition(".")[0] for path in programs} == {"uv", "_core", "_speedups"}
        assert set(programs.values()) == {MACHINES[platform]}
        modules = [path for path in files if path.endswith(".py")]
        byte_code.append({path: files[cached(path)] for path in modules})
        assert len(modules) > 5
        environments.append({path: data for path, data in files.items() if "site-packages" not in path})
        del environments[-1]["usr/bin/uv"]
        assert "opt/venv/pyvenv.cfg" in environments[-1]
    assert byte_code[0] == byte_code[1] and environments[0] == environments[1]
    kinds = images.kinds(Repository.parse(cache.repository))
    assert kinds == {"facts", "prefix", "wheels"} and not images.kinds(target.repository) & kinds
    lock = read_lock(new_yard.engine.registry.client, target.at(digest))
    assert lock and [each.platform for each in lock.platforms] == list(PLATFORMS)


def cached(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"
