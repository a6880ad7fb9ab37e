"""A machine that makes whole images without an engine: a registry in this process, this machine's own interpreter, a
package index on loopback, and a stand-in for BuildKit.
"""

import io
import platform
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from boatyard.build import Phase, Step
from boatyard.job import BuildJob
from boatyard.reference import Reference
from boatyard.settings import Settings, Uv
from boatyard_layers import unpacked_interpreter
from boatyard_layers.builder_cache import builder_cache
from boatyard_layers.building import Building, Segment
from boatyard_layers.image import LayeredImage, make_image
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from boatyard_registry.media import Descriptor
from boatyard_registry.retries import Retries
from tests.buildkit import jobs
from tests.flyte import index
from tests.layers.own_interpreter import own_interpreter
from tests.layers.wheels.tiny import wheel
from tests.registry.server import OCI_MANIFEST, FakeRegistry, digest_of, running

MINOR = ".".join(platform.python_version_tuple()[:2])
VENV = "/opt/venv"
TAR = "application/vnd.oci.image.layer.v1.tar"
PASSWORD = "s3cret-of-the-index"
SECRET = "s3cret-of-a-step"
_BASE = {
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "opt/venv/pyvenv.cfg": b"home = /usr/bin\n",
    f"opt/venv/lib/python{MINOR}/site-packages/old.py": b"",
    "opt/venv/bin/python": b"\x7fELF",
}


class HeardReport:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def step(self, step: Step) -> None:
        self.lines.append(step.title)

    def phase(self, phase: Phase) -> None:
        pass


class LayersSite(msgspec.Struct, frozen=True):
    """What every machine reaches."""

    registry: str
    index: str
    """With a password of its user."""
    folder: str
    """The context, and uv."""


def prepare(fake: FakeRegistry, address: str, folder: Path) -> LayersSite:
    push_base(fake)
    (folder / "context" / "src").mkdir(parents=True)
    (folder / "context" / "src" / "app.py").write_text("print()\n")
    (folder / "uv").mkdir()
    # Small, because it is also in the image.
    program = folder / "uv" / f"uv-{architecture()}"
    program.write_text(f'#!/bin/sh\nexec {Path(sys.executable).parent / "uv"} "$@"\n')
    program.chmod(0o755)
    return LayersSite(fake.address, address, str(folder))


@contextmanager
def running_site(folder: Path) -> Iterator[tuple[FakeRegistry, LayersSite]]:
    """With the wheels of `wheels` in its index."""
    (folder / "wheels").mkdir()
    wheels(folder / "wheels")
    with running() as fake, index.serve(folder / "wheels", PASSWORD, hashes=True) as url:
        yield fake, prepare(fake, url, folder)


def push_base(fake: FakeRegistry) -> None:
    layer = _tar({**_BASE, "opt/venv/lib/python/": b""})
    config = {
        "os": "linux",
        "architecture": architecture(),
        "config": {"Env": ["PATH=/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }
    _push(fake, "acme/base", "v1", config, [{"mediaType": TAR, "digest": fake.add_blob(layer), "size": len(layer)}])


def architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def wheels(folder: Path) -> None:
    """Enough sources for more than one process that compiles."""
    many = {f"many/m{number}.py": f"import sys\nvalue = 'many', {number}\n" for number in range(40)}
    wheel(folder, "many", "1.0", {**many, "many/__init__.py": ""}, requires=("few",), scripts="many = many:main")
    wheel(folder, "few", "1.0", {"few/__init__.py": "f = 1\n", "few/a.txt": "a"})
    wheel(folder, "few", "2.0", {"few/__init__.py": "f = 2\n"})


def job(site: LayersSite, *, upgrade: bool = True, **changes: Any) -> BuildJob:
    index = {"indexUrl": f"http://user:${{INDEX_PASSWORD}}@{site.index.removeprefix('http://')}/private/simple"}
    mount = {"key": "index-password", "envVar": "INDEX_PASSWORD"}
    layers: list[dict[str, Any]] = [
        {"commands": {"cmd": ["echo > /ran"]}},
        {"pipPackages": {"packages": ["many", "few==1.0"], "options": index, "secretMounts": [mount]}},
        {"env": {"envVariables": {"A": "$PATH:/x"}}},
        {"workdir": {"workdir": "/srv/app"}},
        {"copyConfig": {"src": "src", "dst": "/srv/app"}},
    ]
    if upgrade:
        layers.append({"pipPackages": {"packages": ["few==2.0"], "options": index, "secretMounts": [mount]}})
    settings = Settings(
        default_repository=f"{site.registry}/acme/images",
        uv=Uv(directory=f"{site.folder}/uv"),
        insecure_registries=(site.registry,),
        platforms=(f"linux/{architecture()}",),
        layers="registry",
    )
    base = f"{site.registry}/acme/base:v1"
    made = jobs.make(layers, settings=settings, base=base, context_needed=True)
    return msgspec.structs.replace(made, base_images=(base,), **changes)


def build(
    site: LayersSite,
    wanted: BuildJob,
    *,
    report: HeardReport | None = None,
    cache: Path | None = None,
    written: Mapping[str, bytes] = MappingProxyType({"ran": b"\n"}),
    meanwhile: Callable[[], None] = lambda: None,
) -> LayeredImage:
    """Makes the image as a job on an empty machine does, or on one with a builder's cache.

    `written` is what commands write, and `meanwhile` is called while they run."""
    client = RegistryClient(insecure=(site.registry,), retries=Retries(first_pause_seconds=0.001))
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as work,
        builder_cache(cache, "realm", Path(work)) as builders,
    ):
        patch.setattr(unpacked_interpreter, "interpreter_of", lambda *_, **__: own_interpreter(VENV))
        building = Building(
            context=Path(site.folder, "context"),
            work=Path(work),
            cache=builders,
            client=client,
            report=report or HeardReport(),
            run_segment=_run(client, written, meanwhile),
            secret={"index-password": PASSWORD, "other": SECRET}.__getitem__,
        )
        try:
            return make_image(wanted, building)
        finally:
            client.close()


def _run(
    client: RegistryClient, written: Mapping[str, bytes], meanwhile: Callable[[], None]
) -> Callable[[Segment], str]:
    """In place of BuildKit: a layer with the same files, whatever the commands are."""

    def run(segment: Segment) -> str:
        meanwhile()
        blobs = Blobs(client)
        base = segment.base
        found = blobs.get_manifest(base)
        assert found is not None
        about = msgspec.json.decode(found.body)
        target = Reference.parse(segment.target)
        config = msgspec.json.decode(_blob(blobs, base, about["config"]))
        layer = _tar(written)
        added = blobs.put(target.repository, layer)
        config["rootfs"]["diff_ids"].append(digest_of(layer))
        stored = blobs.put(target.repository, msgspec.json.encode(config))
        about["layers"].append({"mediaType": TAR, "digest": added.digest, "size": added.size})
        about["config"] |= {"digest": stored.digest, "size": stored.size}
        return blobs.put_manifest(target, msgspec.json.encode(about), OCI_MANIFEST)

    return run


def _blob(blobs: Blobs, base: Reference, described: dict[str, Any]) -> bytes:
    return blobs.read(base.repository, Descriptor(described["digest"], described["size"]), 1024**2) or b""


def _tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(path.rstrip("/"))
            info.mode = 0o755
            if path.endswith("/"):
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _push(fake: FakeRegistry, repository: str, tag: str, config: dict[str, Any], layers: list[dict[str, Any]]) -> None:
    data = msgspec.json.encode(config)
    about = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/json", "digest": fake.add_blob(data), "size": len(data)},
        "layers": layers,
    }
    fake.add_manifest(repository, tag, about, OCI_MANIFEST)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", None)
        yield
