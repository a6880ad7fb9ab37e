"""Runs builds in the BuildKit of a Docker engine, or in a buildx builder."""

from pathlib import Path
from typing import Final

from boatyard.settings import Buildkit
from boatyard_buildkit.docker_config import deployment_folder
from boatyard_buildkit.drivers.driver import image_digest
from boatyard_buildkit.solve import Solve, attributes

_SYSTEM_PLUGINS: Final = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)

_ENGINE_OUTPUT: Final = {"push": "", "store": "false"}
"""Additional options for the engine's own BuildKit.

To BuildKit, an empty `push` means true; to buildx, it means that it need not push again through the engine's own API,
which takes longer than the build of a small change. Without `store`, the image is not unpacked into the engine, which
no job needs; and only then may its times be rewritten (0.13 refuses `rewrite-timestamp` with unpacking). Needs an
engine with the containerd image store.
"""


class Buildx:
    def __init__(self, settings: Buildkit) -> None:
        self._settings = settings

    def command(self, solve: Solve) -> list[str]:
        command = [*self._program(), "build", "--progress=rawjson", f"--metadata-file={solve.metadata}"]
        if self._settings.builder:
            command.append(f"--builder={self._settings.builder}")
        command.append(f"--file={solve.dockerfile_folder / 'Dockerfile'}")
        command.append(f"--platform={','.join(solve.platforms)}")
        command.append(f"--network={solve.network}")
        if solve.network == "host":
            command.append("--allow=network.host")
        command += [f"--add-host={name}:{address}" for name, address in solve.hosts.items()]
        if solve.target_stage:
            command.append(f"--target={solve.target_stage}")
        command += [f"--build-arg={name}={value}" for name, value in solve.build_args.items()]
        command += [f"--label={name}={value}" for name, value in solve.labels.items()]
        command += [f"--build-context={name}={where}" for name, where in solve.contexts.items()]
        command += ["--secret=" + attributes({"id": name, "src": str(path)}) for name, path in solve.secrets.items()]
        if solve.no_cache:
            command.append("--no-cache")
        if solve.cache_from:
            command.append("--cache-from=" + attributes(solve.cache_from))
        if solve.cache_to:
            command.append("--cache-to=" + attributes(solve.cache_to))
        command.append("--provenance=" + ("false" if solve.provenance == "off" else f"mode={solve.provenance}"))
        if solve.sbom:
            command.append("--sbom=true")
        output = solve.output if self._settings.builder else solve.output | _ENGINE_OUTPUT
        return [*command, "--output=" + attributes(output), "--", str(solve.context)]

    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": self._settings.docker_host} if self._settings.docker_host else {}

    def digest(self, metadata: Path) -> str | None:
        return image_digest(metadata)

    def _program(self) -> list[str]:
        """Calls the plugin directly if it is found: that is one process less to start and to kill."""
        own = deployment_folder(self._settings.docker_config) / "cli-plugins"
        for folder in (own, *map(Path, _SYSTEM_PLUGINS)):
            plugin = folder / "docker-buildx"
            if plugin.is_file():
                return [str(plugin.absolute())]
        return [self._settings.docker, "buildx"]
