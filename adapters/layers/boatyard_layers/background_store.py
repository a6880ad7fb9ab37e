"""A store of layers whose uploads go on in threads while the next layers are made."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository
from boatyard_layers.image_manifests import config_of
from boatyard_layers.model import Facts, Group, LayerBlob, Prefix
from boatyard_layers.store import LayerStore

_AT_ONCE: Final = 8


class BackgroundStore(LayerStore):
    """What writes returns before it is written. `put_image` waits for all of it, and raises what failed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._threads = ThreadPoolExecutor(_AT_ONCE, "boatyard-push")
        self._pushes: list[Future[None]] = []
        self._layers: dict[str, Future[None]] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def open(self) -> Iterator["BackgroundStore"]:
        """Waits for no upload if the block fails: the job ends."""
        try:
            yield self
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Waits for all uploads. Raises what one of them raised."""
        with self._guard:
            pushes = list(self._pushes)
        for push in pushes:
            push.result()

    def put_layer(self, layer: LayerBlob, path: Path) -> None:
        """The file may be removed after this."""
        file = path.open("rb")

        def put() -> None:
            with file:
                self.places.put_layer(self.cache, layer, file)

        self._layers[layer.digest] = self._push(put)

    def put_group(self, group: Group, path: Path) -> None:
        file = path.open("rb")
        self._groups[group.key] = group

        def put() -> None:
            with file:
                self._put_group(group, file)

        self._layers[group.layer.digest] = self._push(put)

    def put_prefix(self, prefix: Prefix, facts: Facts) -> None:
        facts = self._remember(prefix, facts)
        # Threads take pushes in their order, so those that this one waits for are running or done.
        layers = [self._layers[layer.digest] for layer in prefix.layers if layer.digest in self._layers]

        def put() -> None:
            for each in layers:
                each.result()
            self._put_prefix(prefix, facts)

        self._push(put)

    def put_facts(self, key: str, layers: Sequence[str], facts: Facts) -> None:
        self._push(lambda: super(BackgroundStore, self).put_facts(key, layers, facts))

    def put_python(self, key: str, data: bytes) -> None:
        self._push(lambda: super(BackgroundStore, self).put_python(key, data))

    def put_image(self, target: Reference, prefixes: Mapping[str, Prefix], labels: Mapping[str, str]) -> str:
        for prefix in prefixes.values():
            self._send(target.repository, config_of(prefix, labels))
        self.join()
        return super().put_image(target, prefixes, labels)

    def send_ahead(self, repository: Repository, documents: Iterable[bytes]) -> None:
        """Uploads documents of which `put_image` does not depend, while it waits. Nothing fails if one is refused."""
        for document in documents:
            self._send(repository, document, refusable=True)

    def _send(self, repository: Repository, document: bytes, *, refusable: bool = False) -> None:
        def put() -> None:
            with contextlib.suppress(*([BoatyardError] if refusable else [])):
                self.places.put_document(repository, document)

        self._push(put)

    def _push(self, put: Callable[[], None]) -> "Future[None]":
        with self._guard:
            for push in self._pushes:
                if push.done():
                    push.result()  # a build that failed makes no more layers
            found = self._threads.submit(put)
            self._pushes.append(found)
        return found
