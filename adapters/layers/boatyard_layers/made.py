"""What the layers so far make together, for one platform."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from boatyard.lock import LockedLayer, LockedPackage
from boatyard_layers.base import is_kept, with_layer
from boatyard_layers.inventory import Inventory
from boatyard_layers.locking import with_layer as locked
from boatyard_layers.model import VENV, Distribution, Facts, LayerBlob, PathEntry, Prefix

_SITE: Final = re.compile(re.escape(VENV) + r"/lib/python(3\.[0-9]+)/")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    config: Mapping[str, object]
    """The OCI image configuration, without `rootfs` and `history`."""
    layers: tuple[LayerBlob, ...]
    inventory: Inventory
    files: Mapping[str, bytes]
    """Contents by path, as in `Facts`."""
    distributions: tuple[Distribution, ...] = ()
    lock: tuple[LockedLayer, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, object], layers: tuple[LayerBlob, ...], facts: Facts) -> "Made":
        return cls(
            config=config,
            layers=layers,
            inventory=Inventory.decode(facts.inventory),
            files=facts.files,
            distributions=facts.distributions,
            lock=facts.lock,
        )

    def with_config(self, config: Mapping[str, object]) -> "Made":
        return msgspec.structs.replace(self, config=config)

    def with_layer(
        self,
        layer: LayerBlob,
        entries: Iterable[PathEntry],
        removed: Iterable[str] = (),
        opaque: Iterable[str] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> "Made":
        """After one more layer. `files` are the contents that it brings of those that `Facts` keeps."""
        inventory = self.inventory.applied(entries, removed, opaque)
        kept = {**self.files, **(files or {})}
        return msgspec.structs.replace(
            self,
            layers=(*self.layers, layer),
            inventory=inventory,
            files={path: data for path, data in kept.items() if inventory.get(path) is not None},
        )

    def with_read(self, layer: LayerBlob, path: Path) -> "Made":
        """After one more layer, which is in a file and is read."""
        inventory, files = with_layer(self.inventory, dict(self.files), layer, path, lambda entry: is_kept(entry.path))
        return msgspec.structs.replace(self, layers=(*self.layers, layer), inventory=inventory, files=files)

    def recorded(self, number: int, before: Mapping[str, bytes], resolved: Iterable[LockedPackage]) -> "Made":
        """With the lock of a layer of the spec: what it changed of the packages since there were the files `before`."""
        if number < 0:
            return self
        return msgspec.structs.replace(self, lock=locked(self.lock, number, VENV, before, self.files, resolved))

    @property
    def python(self) -> str:
        """The minor version of the environment's Python; empty without one."""
        found = (_SITE.match(path) for path in self.files)
        return next((match[1] for match in found if match), "")

    def prefix(self, key: str, platform: str) -> Prefix:
        return Prefix(
            key=key,
            platform=platform,
            layers=self.layers,
            config=dict(self.config),
            distributions=self.distributions,
        )

    def facts(self) -> Facts:
        return Facts(
            inventory=self.inventory.encode(),
            files=dict(self.files),
            distributions=self.distributions,
            lock=self.lock,
        )
