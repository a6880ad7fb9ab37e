"""Records which layer installed which versions, from the metadata that installed distributions have.

So it is true of whatever installed them: the maker of wheels, BuildKit, or a command of the user. The hashes of
wheels come from the resolution, if there was one here.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.lock import Lock, LockedLayer, LockedPackage, LockedPlatform

_METADATA: Final = re.compile(
    r"/lib/python(?P<python>3\.[0-9]{1,2})/site-packages/(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/METADATA\Z"
)
_MOST: Final = 5_000
"""Packages of one layer: more is not what an installer makes."""


def with_layer(
    layers: tuple[LockedLayer, ...],
    number: int,
    venv: str,
    before: Iterable[str],
    after: Iterable[str],
    resolved: Iterable[LockedPackage] = (),
) -> tuple[LockedLayer, ...]:
    """The lock of one platform with what one more layer of the spec changed in the environment `venv`.

    `before` and `after` are the paths of an image's files (`Facts.files`), `resolved` the packages with their wheels.
    Layers that were made together count as the last of them.
    """
    before, after = frozenset(before), frozenset(after)
    if before == after:
        return layers
    old, new = _versions(venv, before), _versions(venv, after)
    wheels = {(package.name, package.version): package for package in resolved}
    changed = {name: version for name, version in new.items() if old.get(name) != version}
    removed = sorted(old.keys() - new.keys())
    if not (changed or removed) or max(len(changed), len(removed)) > _MOST:
        return layers
    packages = [
        wheels.get((name, version)) or LockedPackage(name=name, version=version)
        for name, version in sorted(changed.items())
    ]
    return (*layers, LockedLayer(layer=number, packages=tuple(packages), removed=tuple(removed)))


def lock_of(python: str, layers: Mapping[str, tuple[LockedLayer, ...]]) -> Lock:
    """The lock of an image, from those of its platforms."""
    platforms = (LockedPlatform(platform=platform, layers=layers[platform]) for platform in sorted(layers))
    return Lock(python=python, platforms=tuple(platforms))


def python_of(venv: str, paths: Iterable[str]) -> str:
    """The Python of an environment, such as 3.12, from its packages' folder; empty if there are none."""
    found = (_METADATA.fullmatch(path[len(venv) :]) for path in paths if path.startswith(f"{venv}/"))
    return next((match["python"] for match in found if match), "")


def _versions(venv: str, paths: Iterable[str]) -> dict[str, str]:
    """The distributions of an environment: a folder `<name>-<version>.dist-info` with METADATA is one (PEP 376)."""
    from packaging.utils import canonicalize_name  # 5 ms, for layers that change packages

    found: dict[str, str] = {}
    for path in sorted(paths):
        if not path.startswith(f"{venv}/") or not (match := _METADATA.fullmatch(path[len(venv) :])):
            continue
        package = LockedPackage(name=canonicalize_name(match["name"]), version=match["version"])
        try:
            convert(msgspec.to_builtins(package), LockedPackage)
        except Undecodable:
            continue  # a command of the user made it; no installer writes such a name
        found[package.name] = package.version
    return found
