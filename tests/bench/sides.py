"""The two builders, which push an image to the registry as their users do."""

import re
import subprocess
import tempfile
from pathlib import Path

import flyte

from boatyard.settings import Settings
from boatyard_client.client import Client, Outcome
from boatyard_flyte.lowering import lower
from boatyard_flyte.order import contents_of, order_of
from tests.flyte import own_builder
from tests.flyte.probe import Docker


class Own:
    """flyte's generated Dockerfile with the flags of its `DockerImageBuilder`: `--tag`, `--platform`, `--push`."""

    name = "flyte's Docker builder"

    def __init__(self, docker: Docker, settings: Settings) -> None:
        self._docker = docker
        self._settings = settings

    def build(self, image: flyte.Image, tag: str, *options: str) -> str:
        return own_builder.build(image, self._docker, self._settings, "bench", tag=tag, output=("--push", *options))

    def cache_flags(self, name: str, *, write: bool) -> tuple[str, ...]:
        """buildx's flags for a cache in the registry, as a CI job on an empty machine has it."""
        cache = f"type=registry,ref={self._settings.default_repository}/flyte-own/cache:{name}"
        return ("--cache-to", f"{cache},mode=max") if write else ("--cache-from", cache)

    def exists(self, reference: str) -> None:
        """The command that its checker runs for every image of every `flyte run`."""
        self._docker.run("buildx", "imagetools", "inspect", reference, "--raw")


class Ours:
    """The plugin's path: lower, read, request, follow."""

    name = "Boatyard"

    def __init__(self, client: Client) -> None:
        self._client = client

    def build(self, image: flyte.Image, *, force: bool = False) -> Outcome:
        lowered = lower(image)
        contents = contents_of(lowered)
        return self._client.ensure_image(order_of(lowered, contents, force=force), contents)

    def log(self, outcome: Outcome) -> str:
        """The whole log of a build."""
        lines: list[str] = []
        cursor, build = "", outcome.answer.id
        while build:
            page = self._client.logs(build, cursor)
            lines += page.lines
            cursor = page.cursor
            if page.done or not page.lines:
                break
        return "\n".join(lines)


def empty_cache(docker: Docker) -> None:
    """Removes every layer and cache mount of BuildKit. Base images stay in the engine's store for both sides."""
    docker.run("buildx", "prune", "--all", "--force")


def source(folder: Path, number: int) -> Path:
    """Writes a file that is different each time."""
    path = folder / "main.py"
    path.write_text(f"print({number})\n", encoding="utf-8")
    return path


def machine() -> str:
    """Describes this machine without its name."""
    cpus = subprocess.run(["nproc"], capture_output=True, text=True, check=True).stdout.strip()
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"))
    return f"{cpus} cores, {int(memory[1]) // 1024**2 if memory else '?'} GiB"


def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="boatyard-bench-"))
