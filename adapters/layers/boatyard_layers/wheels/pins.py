"""Finds the wheels of exact versions: their hashes and sizes, as the index gives them."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from boatyard.lock import LockedPackage, LockedWheel, without_credentials
from boatyard_layers.errors import NotExact

_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """A version with all wheels that the index has of it."""

    name: str
    version: str
    wheels: tuple[tuple[str, str], ...]
    """File names and SHA-256 in hex, sorted."""
    size: int
    """Of the largest wheel; 0 if unknown."""
    locked: LockedPackage

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(sorted({f"sha256:{digest}" for _, digest in self.wheels}))

    @property
    def requirement(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={each}" for each in self.hashes)])


def read_pins(
    document: Mapping[str, Any], versions: Mapping[str, str], allowed: Collection[str] = ()
) -> tuple[Pin, ...]:
    """The pins of a pylock.toml. If some wheels of a version are `allowed`, its others are not.

    Raises NotExact if a version has no wheel with a hash."""
    found: dict[str, Pin] = {}
    for package in document.get("packages", ()):
        name, version = package.get("name", ""), package.get("version", "")
        if versions.get(name) == version and name not in found:
            found[name] = _pin(name, version, package, allowed)
    for name in versions:
        if name not in found:
            raise NotExact(f"{name} {versions[name]} cannot be locked")
    return tuple(found[name] for name in sorted(found))


def _pin(name: str, version: str, package: Mapping[str, Any], allowed: Collection[str]) -> Pin:
    wheels: dict[str, LockedWheel] = {}
    size = 0
    for wheel in package.get("wheels", ()):
        digest = wheel.get("hashes", {}).get("sha256", "")
        url = wheel.get("url", "")
        file = wheel.get("name") or unquote(urlsplit(url or wheel.get("path", "")).path.rpartition("/")[2])
        if not _SHA256.match(digest) or not file.endswith(".whl"):
            raise NotExact(f"the index has no SHA-256 of a wheel of {name} {version}")
        wheels[file] = LockedWheel(file=file, sha256=digest, url=without_credentials(url))
        size = max(size, int(wheel.get("size") or 0))
    some = {file: wheel for file, wheel in wheels.items() if wheel.sha256 in allowed}
    wheels = some or wheels
    if not wheels:
        raise NotExact(f"{name} {version} has no wheel")
    ordered = tuple(wheels[file] for file in sorted(wheels))
    return Pin(
        name=name,
        version=version,
        wheels=tuple((wheel.file, wheel.sha256) for wheel in ordered),
        size=size,
        locked=LockedPackage(
            name=name,
            version=version,
            index=without_credentials(package.get("index", "")),
            wheels=ordered[:256],
        ),
    )
