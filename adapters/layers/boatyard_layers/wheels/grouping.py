"""Decides which wheels share a layer, and the key of such a layer."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from boatyard_layers.wheels.pins import Pin

ALONE: Final = 28
"""As many distributions get a layer each."""
_BUCKETS: Final = 16
_HEAVIEST: Final = 12
_HEAVY: Final = 1024**2
"""Bytes of a wheel that is worth a layer of its own among many."""
_SCHEMA: Final = "boatyard/wheels/1"


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the bytes of a layer beside its wheels."""

    python: str
    """`3.11`"""
    platform: str
    """With the C library: `linux/amd64 manylinux_2_36`."""
    venv: str
    compiled_by: str
    """The interpreter's identity. A layer with byte code of one that is not trusted serves its images alone."""
    compression: str
    level: int


def grouped(pins: Sequence[Pin]) -> tuple[tuple[Pin, ...], ...]:
    """Each distribution is in one group. One more distribution changes one group, not all."""
    ordered = sorted(pins, key=lambda pin: pin.name)
    if len(ordered) <= ALONE:
        return tuple((pin,) for pin in ordered)
    heavy = sorted((pin for pin in ordered if pin.size >= _HEAVY), key=lambda pin: (-pin.size, pin.name))[:_HEAVIEST]
    alone = {pin.name for pin in heavy}
    buckets: dict[int, list[Pin]] = {}
    for pin in ordered:
        if pin.name not in alone:
            buckets.setdefault(hashlib.sha256(pin.name.encode()).digest()[0] % _BUCKETS, []).append(pin)
    return (
        *((pin,) for pin in ordered if pin.name in alone),
        *(tuple(buckets[number]) for number in sorted(buckets)),
    )


def group_key(pins: Iterable[Pin], circumstances: Circumstances) -> str:
    members = [[pin.name, pin.version, pin.wheels] for pin in sorted(pins, key=lambda pin: pin.name)]
    return hashlib.sha256(msgspec.json.encode([_SCHEMA, members, msgspec.to_builtins(circumstances)])).hexdigest()
