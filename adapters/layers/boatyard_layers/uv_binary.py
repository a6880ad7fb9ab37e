"""Finds the uv binary of a platform: in the deployment's folder, or in its image."""

import platform as machine
import shutil
import tarfile
from pathlib import Path
from typing import Final

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.mirrors import mirrored
from boatyard.reference import Reference
from boatyard_layers.artifacts import WholeManifest
from boatyard_layers.base import manifest_of
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.store import LayerStore
from boatyard_layers.tar_reading import plain
from boatyard_layers.zstd import ZstdError

_ARCHITECTURES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_INSIDE: Final = ("uv", "./uv", "/uv")


def own_platform() -> str:
    """The platform of this machine."""
    name = machine.machine()
    return f"linux/{_ARCHITECTURES.get(name, name)}"


def uv_binary(job: BuildJob, platform: str, store: LayerStore, cache: BuilderCache) -> Path:
    """The file, which may be in the cache. Raises NotExact if it cannot be read."""
    if not job.uv.directory:
        return _of_image(mirrored(Reference.parse(job.uv.image), job.registry_mirrors), platform, store, cache)
    path = Path(job.uv.directory, f"uv-{platform.split('/')[1]}").resolve()
    if not path.is_file():
        raise NotExact(f"the folder of the settings' uv.directory has no {path.name}")
    return path


def _of_image(image: Reference, platform: str, store: LayerStore, cache: BuilderCache) -> Path:
    try:
        found = manifest_of(image, platform, store.blobs)
        manifest = decode_json(found.body, WholeManifest)

        def make(out: Path) -> None:
            blob = out.with_name("blob")
            for layer in reversed(manifest.layers):
                store.blobs.download(image.repository, layer, blob)
                if _extract(blob, layer.media_type, out):
                    return
            raise NotExact(f"{image} has no /uv")

        return cache.kept("uv", found.digest, make)
    except (BoatyardError, Undecodable, OSError, tarfile.TarError, ZstdError, EOFError) as error:
        raise NotExact(f"{image} cannot be read ({type(error).__name__})") from None


def _extract(blob: Path, media_type: str, out: Path) -> bool:
    with blob.open("rb") as stream, tarfile.open(fileobj=plain(stream, media_type), mode="r|") as archive:
        for member in archive:
            if member.name in _INSIDE and (content := archive.extractfile(member) if member.isfile() else None):
                with out.open("wb") as file:
                    shutil.copyfileobj(content, file)
                out.chmod(0o755)
                return True
    return False
