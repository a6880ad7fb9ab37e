"""The types that the makers share: entries of a file system, layers, and the prefix of an image."""

from typing import Final, Literal

import msgspec

from boatyard.lock import LockedLayer

VENV: Final = "/opt/venv"
"""Where every image has its environment."""
PYTHON: Final = f"{VENV}/bin/python"
Kind = Literal["file", "directory", "symlink", "hardlink", "other"]


class PathEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One path of an image's file system. The inventory keeps no contents."""

    path: str
    """Absolute, without `.` and `..`: `/opt/venv/bin/python`. The root is `/`."""
    kind: Kind = "file"
    mode: int = 0o644
    """Permission bits, setuid, setgid and sticky included."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""
    """Of a symlink, as written; of a hardlink, the absolute path."""


class LayerBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A layer in a registry."""

    digest: str
    """Of the compressed bytes."""
    size: int
    """Compressed bytes."""
    media_type: str
    diff_id: str
    """Of the uncompressed tar."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution that is installed in the image's environment."""

    name: str
    """Normalised as in PEP 503."""
    version: str
    hashes: tuple[str, ...] = ()
    """`sha256:…` of every wheel that the index has for this version; sorted. Empty if the index gives none, or for
    distributions of the base image."""


class Prefix(msgspec.Struct, frozen=True, kw_only=True):
    """An image that ends with one of the plan's layers, for one platform."""

    key: str
    """Hex; see `boatyard.key`. It covers the base by digest, the platform and every layer so far."""
    platform: str
    layers: tuple[LayerBlob, ...]
    """Of the base first."""
    config: dict[str, object]
    """The OCI image configuration, without `rootfs` and `history`."""
    distributions: tuple[Distribution, ...] = ()
    """What Boatyard installed, without what the base image came with."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the file system of an image, without reading its layers."""

    inventory: bytes
    """`Inventory.encode()`."""
    files: dict[str, bytes] = {}
    """Contents by path: /etc/passwd, /etc/group, and of the environment `pyvenv.cfg` and every `*.dist-info`."""
    distributions: tuple[Distribution, ...] = ()
    """What Boatyard installed, as in `Prefix`."""
    lock: tuple[LockedLayer, ...] = ()
    """What the spec's layers changed of the environment's packages; see `locking.py`."""

    @property
    def passwd(self) -> bytes:
        return self.files.get("/etc/passwd", b"")

    @property
    def group(self) -> bytes:
        return self.files.get("/etc/group", b"")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A base image, for one platform."""

    repository: str
    """Where its layers are: at the mirror, if there is one."""
    digest: str
    """Of the platform's own manifest, not of an index."""
    platform: str
    layers: tuple[LayerBlob, ...]
    config: dict[str, object]
    """The OCI image configuration, without `rootfs` and `history`."""
    facts: Facts


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A layer with the files of some wheels. Its key covers whatever decides its bytes."""

    key: str
    layer: LayerBlob
    entries: tuple[PathEntry, ...]
    """Of the layer."""
    files: dict[str, bytes] = {}
    """Contents by path, as in `Facts`: the wheels' `*.dist-info`."""
