"""Imports a base image into the local registry, with the same BuildKit that builds on it later."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from boatyard.settings import Network
from boatyard_local.engine import mounts, pins
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.environment import docker_environment
from boatyard_local.engine.images import Recipe
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import EngineError


class ImportBuilder(NamedTuple):
    """The access to a BuildKit, and the files that it needs here."""

    docker: str
    docker_host: str
    docker_config: str
    name: str | None
    registry: str
    network: Network


def build(layout: Layout, builder: ImportBuilder, recipe: Recipe, rootfs: Path | None, commands: ChildProcesses) -> str:
    """Builds and pushes the image; returns the digest."""
    reference = f"{builder.registry}/{recipe.repository}:{recipe.tag}"
    with _context(layout, recipe, rootfs, builder.network) as context:
        metadata = context / "metadata.json"
        arguments = [
            *(builder.docker, "buildx", "build", "--progress=plain", "--provenance=false", "--sbom=false"),
            *(["--builder", builder.name] if builder.name else []),
            *(["--network=host"] if builder.network.mode == "host" else []),
            *("--build-arg", "SOURCE_DATE_EPOCH=0", "--build-context", f"uv={layout.uv}"),
            *("--secret", f"id=network,src={context / 'network.sh'}"),
            *(["--secret", f"id=ca,src={builder.network.ca_bundle}"] if builder.network.ca_bundle else []),
            *("--output", _output(reference), "--metadata-file", str(metadata), str(context / "context")),
        ]
        commands.run(
            arguments,
            what=f"building {recipe.repository}",
            log=f"build-{recipe.repository.rpartition('/')[2]}",
            env=docker_environment(builder.docker_host, builder.docker_config),
        )
        digest = json.loads(metadata.read_text()).get("containerimage.digest")
    if not isinstance(digest, str):
        raise EngineError(f"BuildKit did not say which digest {reference} has")
    return digest


def _output(reference: str) -> str:
    return (
        f"type=image,name={reference},push=true,registry.insecure=true,"
        "compression=zstd,force-compression=true,oci-mediatypes=true"
    )


@contextmanager
def _context(layout: Layout, recipe: Recipe, rootfs: Path | None, network: Network) -> Iterator[Path]:
    folder = layout.base / "import.partial"
    mounts.remove(folder)
    context = folder / "context"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(recipe.dockerfile)
    (context / "requirements.txt").write_text("".join(f"{pin}\n" for pin in pins.pins("flyte")))
    script = folder / "network.sh"
    script.touch(mode=0o600)
    script.write_text(network_script(network))
    if rootfs is not None:
        # A hard link instead of a copy: the tar is large, and both are in the same folder.
        (context / "rootfs.tar").hardlink_to(rootfs)
    try:
        yield folder
    finally:
        mounts.remove(folder)


def network_script(network: Network) -> str:
    """A shell script that configures uv for the company's CA and index. It is mounted, so the image does not contain
    it."""
    values = {
        "SSL_CERT_FILE": "/run/boatyard/ca.pem" if network.ca_bundle else "",
        "UV_DEFAULT_INDEX": network.index_url,
        "UV_INDEX": " ".join(network.extra_index_urls),
        "http_proxy": network.http_proxy,
        "https_proxy": network.https_proxy,
        "no_proxy": network.no_proxy,
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items() if value)
