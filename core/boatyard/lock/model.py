"""The types of a lock. A value of them cannot contain credentials: an address with some is refused."""

import re
from collections.abc import Iterable
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta

from boatyard.decoding import Undecodable, decode_json

LARGEST: Final = 4 * 1024**2
"""Bytes of a lock's JSON form. 200 packages on two platforms take about 100 KB."""

Name: TypeAlias = Annotated[str, Meta(max_length=128, pattern=r"\A[a-z0-9]+(?:-[a-z0-9]+)*\Z")]
"""Normalised as in PEP 503."""
Version: TypeAlias = Annotated[str, Meta(max_length=128, pattern=r"\A[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z")]
Python: TypeAlias = Annotated[str, Meta(pattern=r"\A3\.[0-9]{1,2}\Z")]
Platform: TypeAlias = Annotated[str, Meta(max_length=64, pattern=r"\Alinux/[a-z0-9]+(?:/v[0-9]+)?\Z")]
Address: TypeAlias = Annotated[str, Meta(max_length=2_048)]
Sha256: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
FileName: TypeAlias = Annotated[str, Meta(max_length=512, pattern=r"\A[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl\Z")]

_PRINTABLE: Final = re.compile(r"[!-~]*\Z")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """A part of a lock."""


class LockedWheel(_Part, frozen=True, kw_only=True):
    file: FileName
    sha256: Sha256
    url: Address = ""
    """Empty for a wheel of the context."""

    def __post_init__(self) -> None:
        _check_address(self.url)


class LockedPackage(_Part, frozen=True, kw_only=True):
    name: Name
    version: Version
    index: Address = ""
    """The index that it came from, if known."""
    wheels: Annotated[tuple[LockedWheel, ...], Meta(max_length=256)] = ()
    """The wheels that fit. Empty for what was built from source, or installed by a command."""

    def __post_init__(self) -> None:
        _check_address(self.index)


class LockedLayer(_Part, frozen=True, kw_only=True):
    """What one layer of the spec changed."""

    layer: Annotated[int, Meta(ge=0, le=1_000)]
    """Its index in the spec."""
    packages: Annotated[tuple[LockedPackage, ...], Meta(max_length=5_000)] = ()
    """New ones, and other versions than before; sorted by name."""
    removed: Annotated[tuple[Name, ...], Meta(max_length=5_000)] = ()

    def __post_init__(self) -> None:
        _check_ascending([package.name for package in self.packages], "packages")
        _check_ascending(self.removed, "removed packages")
        if both := {package.name for package in self.packages} & set(self.removed):
            raise ValueError(f"layer {self.layer} both has and removes {min(both)}")


class LockedPlatform(_Part, frozen=True, kw_only=True):
    platform: Platform
    layers: Annotated[tuple[LockedLayer, ...], Meta(max_length=1_000)] = ()
    """Those that changed packages, in the spec's order."""

    def __post_init__(self) -> None:
        _check_ascending([layer.layer for layer in self.layers], "layers")

    @property
    def installed(self) -> dict[str, LockedPackage]:
        """The packages of the finished image by name, without those of its base."""
        found: dict[str, LockedPackage] = {}
        for layer in self.layers:
            found |= {package.name: package for package in layer.packages}
            for name in layer.removed:
                found.pop(name, None)
        return dict(sorted(found.items()))


class Lock(_Part, frozen=True, kw_only=True):
    python: Python
    platforms: Annotated[tuple[LockedPlatform, ...], Meta(min_length=1, max_length=16)]
    """Sorted by platform."""

    def __post_init__(self) -> None:
        _check_ascending([each.platform for each in self.platforms], "platforms")


def encode(lock: Lock) -> bytes:
    """The JSON form: equal locks have equal bytes. Raises ValueError for a lock that `decode` would refuse."""
    data = msgspec.json.encode(lock)
    decode(data)
    return data


def decode(data: bytes) -> Lock:
    """Reads the JSON form, which may be hostile. Raises Undecodable."""
    if len(data) > LARGEST:
        raise Undecodable(f"larger than {LARGEST:,} bytes")
    return decode_json(data, Lock)


def without_credentials(url: str) -> str:
    """An index's or a file's address without user, password, query and fragment; empty if it is none of http."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    host = f"[{host}]" if ":" in host else host
    cleaned = urlunsplit((parts.scheme, host + port, parts.path, "", ""))
    return cleaned if _PRINTABLE.match(cleaned) else ""


def _check_address(url: str) -> None:
    # The address itself is not quoted: what is wrong with it may be its password.
    if url and url != without_credentials(url):
        raise ValueError("an address is not plain http, or has a user, a query or a fragment")


def _check_ascending(items: "Iterable[str] | Iterable[int]", what: str) -> None:
    given: list[object] = list(items)
    if given != sorted(set(given)):  # type: ignore[type-var]  # all are of one type
        raise ValueError(f"{what} are not sorted, or repeat")
