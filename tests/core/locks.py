"""Locks for tests."""

import hashlib

from boatyard.lock import Lock, LockedLayer, LockedPackage, LockedPlatform, LockedWheel


def package(name: str, version: str, *, tags: str = "py3-none-any", wheels: bool = True) -> LockedPackage:
    file = f"{name.replace('-', '_')}-{version}-{tags}.whl"
    made = LockedWheel(
        file=file,
        url=f"https://files.example.com/{file}",
        sha256=hashlib.sha256(file.encode()).hexdigest(),
    )
    return LockedPackage(
        name=name, version=version, index="https://index.example.com/simple", wheels=(made,) if wheels else ()
    )


def layer(index: int, *packages: LockedPackage, removed: tuple[str, ...] = ()) -> LockedLayer:
    return LockedLayer(layer=index, packages=tuple(sorted(packages, key=lambda each: each.name)), removed=removed)


def lock(*layers: LockedLayer, platforms: tuple[str, ...] = ("linux/amd64",)) -> Lock:
    """The same layers on each platform."""
    return Lock(python="3.12", platforms=tuple(LockedPlatform(platform=each, layers=layers) for each in platforms))
