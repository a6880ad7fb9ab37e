"""Packs what a maker has made as a layer, and stores it."""

from collections.abc import Sequence
from pathlib import Path

from boatyard.settings import Output
from boatyard_layers.base import is_kept
from boatyard_layers.made import Made
from boatyard_layers.model import LayerBlob
from boatyard_layers.pack import LayerItem, pack
from boatyard_layers.store import LayerStore


class LayerWriter:
    """`folder` is the job's own."""

    def __init__(self, output: Output, store: LayerStore, folder: Path) -> None:
        self._output = output
        self._store = store
        self._folder = folder

    def add(self, made: Made, items: Sequence[LayerItem]) -> Made:
        """The image with one more layer, or the same if there are no items."""
        return self.add_packed(made, items, *self.pack(items, f"layer-{len(made.layers)}")) if items else made

    def pack(self, items: Sequence[LayerItem], name: str) -> tuple[LayerBlob, Path]:
        """The layer as a file of this name. Safe in a thread of its own."""
        place = self._folder / name
        return pack(items, place, self._output.compression, self._output.compression_level), place

    def add_packed(self, made: Made, items: Sequence[LayerItem], layer: LayerBlob, place: Path) -> Made:
        """The image with what `pack` has made of these items."""
        self._store.put_layer(layer, place)
        place.unlink()
        files = {item.entry.path: item.source for item in items if isinstance(item.source, bytes)}
        kept = {path: data for path, data in files.items() if is_kept(path)}
        return made.with_layer(layer, [item.entry for item in items], files=kept)
