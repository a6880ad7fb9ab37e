"""What a function that makes images reaches: a real registry, with a small base image of this machine's own Python and
an image of its uv, and a package index."""

import io
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import msgspec

from boatyard.reference import Reference
from boatyard.settings import Network, Settings, Uv
from boatyard_registry.blobs import Blobs
from boatyard_registry.client import RegistryClient
from tests.layers.machine import architecture
from tests.layers.wheels.tiny import sdist, wheel
from tests.registry.distribution import Distribution
from tests.registry.server import OCI_MANIFEST as MANIFEST
from tests.registry.server import digest_of

_TAR: Final = "application/vnd.oci.image.layer.v1.tar"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_MINOR: Final = ".".join(platform.python_version_tuple()[:2])
_LEFT_OUT: Final = re.compile(r"/(site-packages|test|tests|__pycache__|idlelib|tkinter|ensurepip|config-[^/]*)/|\.a\Z")
_LIBRARY: Final = re.compile(r"(?:=> )?(/\S+) \(0x")
_UV: Final = Path(sys.executable).parent / "uv"


class SmallSite(msgspec.Struct, frozen=True):
    """Addresses on loopback."""

    registry: Distribution
    index: str

    @property
    def base(self) -> str:
        return f"{self.registry.address}/base:1"

    @property
    def settings(self) -> Settings:
        return Settings(
            default_repository=f"{self.registry.address}/images",
            insecure_registries=(self.registry.address,),
            trusted_bases=(f"{self.registry.address}/base",),  # where the kernel has no Landlock
            platforms=(f"linux/{architecture()}",),
            uv=Uv(image=f"{self.registry.address}/uv:1"),
            network=Network(index_url=self.index),
        )

    def layers(self, package: str) -> list[dict[str, Any]]:
        """With `app.py` of the context. The index has a wheel of `tiny`, and only the source of `old`."""
        return [
            {"copyConfig": {"src": "app.py", "dst": "/srv/app.py"}},
            {"pipPackages": {"packages": [package]}},
            {"env": {"envVariables": {"MADE": "inline"}}},
        ]

    def spec(self, *layers: dict[str, Any]) -> dict[str, Any]:
        return {"baseImage": self.base, "pythonVersion": _MINOR, "layers": list(layers)}


@contextmanager
def small_site(folder: Path) -> Iterator[SmallSite]:
    registry = Distribution(folder)
    push_base(registry.address)
    push_uv(registry.address)
    for name, make in (("tiny", wheel), ("old", sdist)):
        (folder / "simple" / name).mkdir(parents=True)
        make(folder / "simple" / name, name, "1.0")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield SmallSite(registry, f"http://127.0.0.1:{server.server_port}/simple")
        server.shutdown()
        thread.join()
    registry.stop()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def push_base(address: str) -> str:
    """An image of this machine's Python with an empty environment at /opt/venv."""
    program = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_path("stdlib"))
    home = f"usr/local/lib/python{_MINOR}"
    files: dict[str, Path | bytes] = {f"usr/local/bin/python{_MINOR}": program}
    for path in sorted(library.rglob("*")):
        if path.is_file() and not _LEFT_OUT.search(f"/{path.relative_to(library)}"):
            files[f"{home}/{path.relative_to(library).as_posix()}"] = path
    for path in _libraries(program, *library.glob("lib-dynload/*.so")):
        files[str(path).lstrip("/")] = path
    version = platform.python_version()
    files["opt/venv/pyvenv.cfg"] = f"home = /usr/local/bin\nversion_info = {version}\n".encode()
    files |= {"etc/passwd": b"root:x:0:0::/root:/bin/sh\n", "etc/group": b"root:x:0:\n"}
    links = {"opt/venv/bin/python": f"/usr/local/bin/python{_MINOR}"}
    return _push(f"{address}/base:1", files, links, f"opt/venv/lib/python{_MINOR}/site-packages")


def push_uv(address: str) -> str:
    return _push(f"{address}/uv:1", {"uv": _UV}, {})


def _libraries(*programs: Path) -> set[Path]:
    """The shared libraries and the loader, at the paths where programs look for them."""
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=True).stdout
    return {Path(path) for path in _LIBRARY.findall(told)}


def _push(image: str, files: Mapping[str, Path | bytes], links: Mapping[str, str], *folders: str) -> str:
    layer = _tar(files, links, folders)
    reference = Reference.parse(image)
    client = RegistryClient(insecure=(reference.repository.host,))
    blobs = Blobs(client)
    config = {
        "os": "linux",
        "architecture": architecture(),
        "config": {"Env": ["PATH=/opt/venv/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }
    kept, told = blobs.put(reference.repository, layer), blobs.put(reference.repository, msgspec.json.encode(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": told.digest, "size": told.size},
        "layers": [{"mediaType": _TAR, "digest": kept.digest, "size": kept.size}],
    }
    blobs.put_manifest(reference, msgspec.json.encode(manifest), MANIFEST)
    client.close()
    return image


def _tar(files: Mapping[str, Path | bytes], links: Mapping[str, str], folders: tuple[str, ...]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in folders:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name, content in sorted(files.items()):
            data = content if isinstance(content, bytes) else content.read_bytes()
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(data), 0o755
            archive.addfile(file, io.BytesIO(data))
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return out.getvalue()
