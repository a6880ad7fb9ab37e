"""A machine with Boatyard that can be made empty: no layer in BuildKit, no file in a cache.

The registry stays, and so does the deployment's key, which functions have in the cloud: the prefixes of another
deployment are not found."""

import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from boatyard.realm import KEY_BYTES
from boatyard.reference import Reference, Repository
from boatyard.settings import Settings
from boatyard_client.client import Client
from boatyard_client.registries import registry_of
from boatyard_local.settings import load_settings
from boatyard_registry.blobs import Blobs
from boatyard_registry.documents import parsed_manifest
from boatyard_registry.media import Descriptor
from tests.bench.deployment import CONFIG, docker_of, server
from tests.bench.sides import Ours, Own, empty_cache
from tests.layers.both_platforms import base_for_both

_CACHES = ("XDG_CACHE_HOME", "UV_CACHE_DIR")
_LOOKS_A_SECOND = 50


class Machine:
    """`settings` are the engine's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.settings: Settings = load_settings(CONFIG, {})
        self.docker = docker_of(self.settings)
        self.own = Own(self.docker, self.settings)
        self._running = ExitStack()
        self._pid = 0
        self._key = secrets.token_bytes(KEY_BYTES)
        self._start()

    def _start(self) -> None:
        cache = tempfile.mkdtemp(dir=self._folder)
        os.environ |= dict.fromkeys(_CACHES, cache)
        token, self._pid = self._running.enter_context(server(CONFIG, self._key))
        os.environ |= token
        self.ours = Ours(self._running.enter_context(Client()))

    def empty(self) -> None:
        """What this machine knows goes; what the registry knows stays."""
        self.close()
        empty_cache(self.docker)
        self._start()

    def close(self) -> None:
        self._running.close()

    def layers(self, reference: str) -> tuple[Descriptor, ...]:
        """The layers of an image of one platform, in the registry."""
        registry = registry_of(self.settings)
        try:
            at = Reference.parse(reference)
            document = Blobs(registry.client).get_manifest(at)
            assert document, reference
            manifest = parsed_manifest(at, document.body)
            if manifest.manifests:
                document = Blobs(registry.client).get_manifest(at.at(manifest.manifests[0].digest))
                assert document, reference
                manifest = parsed_manifest(at, document.body)
            return manifest.layers or ()
        finally:
            registry.close()

    def base_for_both(self, image: Reference, name: str) -> str:
        """Pushes a base for amd64 and arm64 that has the layers of an image for amd64."""
        registry = registry_of(self.settings)
        try:
            target = Reference(Repository.parse(f"{image.repository.host}/bases/{name}"), "v1")
            base_for_both(registry.client, image, target)
            return str(target)
        finally:
            registry.close()

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """Afterwards the list has the most bytes that the server's processes, the job's included, had at a time."""
        peak = [0]
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(1 / _LOOKS_A_SECOND):
                peak[0] = max(peak[0], sum(map(_private, _descendants(self._pid))))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield peak
        finally:
            ended.set()
            thread.join()


def _descendants(root: int) -> list[int]:
    """The processes under `root`, without itself."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in found | {root} and pid not in found}:
        found |= more
    return sorted(found)


def _private(pid: int) -> int:
    """Bytes in memory that are no file's: what the kernel cannot drop."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(("RssAnon", "RssShmem")))


@contextmanager
def machine() -> Iterator[Machine]:
    before: dict[str, Any] = {name: os.environ.get(name) for name in _CACHES}
    with tempfile.TemporaryDirectory(prefix="boatyard-bench-") as folder:
        made = Machine(Path(folder))
        try:
            yield made
        finally:
            made.close()
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
