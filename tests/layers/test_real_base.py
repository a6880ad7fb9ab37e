"""The engine's flyte base: read once, its interpreter runs here, and it becomes an image with a layer more."""

import io
import tarfile
import uuid
from pathlib import Path

import pytest

from boatyard.reference import Reference, Repository
from boatyard_layers.base import resolve
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.model import LayerBlob, Prefix
from boatyard_layers.store import LayerStore
from boatyard_layers.unpacked_interpreter import interpreter_of
from boatyard_layers.wheels.bytecode import compile_sources
from boatyard_registry.blobs import Blobs
from tests.buildkit.engine import Engine
from tests.layers.real_base import RealBase
from tests.registry.server import digest_of

pytestmark = pytest.mark.integration

TAR = "application/vnd.oci.image.layer.v1.tar"


def test_an_empty_machine_makes_byte_code_with_the_bases_interpreter(
    engine: Engine,
    real_base: RealBase,
    tmp_path: Path,
) -> None:
    """`real_base` is read by a machine that is as empty, for a registry that has nothing of it."""
    client, reference, platform = real_base.client, real_base.image, real_base.platform
    repository = Repository.parse(f"{engine.host}/layers-{uuid.uuid4().hex[:12]}")
    base, made = real_base.base, real_base.interpreter
    real_base.keep_in(repository)
    notes: list[str] = []
    second = LayerStore(Blobs(client), repository, repository, note=notes.append)
    assert resolve(reference, platform, {}, client, second) == base
    again = interpreter_of(reference, base, {}, client, second, BuilderCache(tmp_path / "second"))
    assert (again.python, again.version, again.venv) == (made.python, made.version, made.venv)
    assert not notes
    assert f"version_info = {again.version}".encode() in base.facts.files[f"{again.venv}/pyvenv.cfg"]
    assert any("/flyte-" in path for path in base.facts.files)
    assert b"flyte" in base.facts.passwd

    (tmp_path / "module.py").write_text("x = 1\n")
    made_code = compile_sources([(tmp_path / "module.py", f"{again.venv}/module.py")], again, tmp_path)
    assert made_code[tmp_path / "module.py"].part.size
    assert made.identity == again.identity != ""
    assert again.libc.startswith("2_")

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("made"), io.BytesIO())
    (tmp_path / "layer").write_bytes(out.getvalue())
    digest = digest_of(out.getvalue())
    layer = LayerBlob(digest=digest, size=len(out.getvalue()), media_type=TAR, diff_id=digest)
    second.put_layer(layer, tmp_path / "layer")
    prefix = Prefix(key="a" * 64, platform=platform, layers=(*base.layers, layer), config=base.config)
    second.put_prefix(prefix, base.facts)
    target = Reference(repository, "v1")
    digest = second.put_image(target, {platform: prefix}, {})
    found = engine.registry.find(target, (platform,))
    assert found
    assert found.digest == digest
    assert LayerStore(Blobs(client), repository, repository).find_prefix(["a" * 64], base) == prefix
