"""Which repositories have which blobs, as far as a job knows, and how a repository gets those that it lacks."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, Final

from boatyard.reference import Repository
from boatyard_layers.artifacts import descriptor
from boatyard_layers.model import LayerBlob
from boatyard_registry.blobs import Blobs
from boatyard_registry.media import Descriptor, sha256_of

_AT_ONCE: Final = 8


class BlobPlaces:
    """Thread-safe. Methods that write raise PUSH_DENIED, REGISTRY_UNAVAILABLE or REGISTRY_DENIED."""

    def __init__(self, blobs: Blobs, cache: Repository, *, force: bool = False) -> None:
        """`cache` has the layers of which nothing else is known."""
        self._blobs = blobs
        self._cache = cache
        self._force = force
        self._found: dict[str, Repository] = {}
        self._there: set[tuple[Repository, str]] = set()

    def located(self, layers: Iterable[LayerBlob], repository: Repository) -> None:
        """Remembers a repository that has these layers, such as the base's, or the one that BuildKit pushed to."""
        for layer in layers:
            self._found.setdefault(layer.digest, repository)

    def has(self, repository: Repository, digest: str) -> bool:
        """Asks the registry once. Raises like a read."""
        there = (repository, digest) in self._there or self._blobs.exists(repository, digest)
        if there:
            self._there.add((repository, digest))
        return there

    def put_layer(self, repository: Repository, layer: LayerBlob, file: BinaryIO) -> None:
        self._blobs.upload_open(repository, file, layer.digest)
        self._there.add((repository, layer.digest))

    def put_document(self, repository: Repository, data: bytes, *, look: bool = False) -> Descriptor:
        """`look` for what may be there already. Else only a forced build does: looking costs as much as sending."""
        digest = sha256_of(data)
        if (repository, digest) not in self._there:
            self._blobs.put(repository, data, look=look or self._force)
            self._there.add((repository, digest))
        return Descriptor(digest, len(data))

    def gather(self, layers: Sequence[LayerBlob], repository: Repository) -> None:
        """Makes the repository have the layers, wherever they are now."""
        missing = {layer.digest: layer for layer in layers if (repository, layer.digest) not in self._there}
        with ThreadPoolExecutor(_AT_ONCE, "boatyard-gather") as pool:
            list(pool.map(lambda layer: self._fetch(layer, repository), missing.values()))

    def _fetch(self, layer: LayerBlob, repository: Repository) -> None:
        in_cache = (self._cache, layer.digest) in self._there
        source = self._cache if in_cache else self._found.get(layer.digest, self._cache)
        self._blobs.mount_or_copy(descriptor(layer), source, repository)
        self._there.add((repository, layer.digest))
