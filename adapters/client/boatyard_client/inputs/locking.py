"""Gives a lock back: layers of packages install exactly its versions, and resolve nothing.

Such a layer becomes one of requirements, with a generated file of the context, so the lock is a part of the image's key
and needs nothing of the service.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from boatyard.lock import Lock, LockedLayer, LockedPackage
from boatyard.lock.pylock import environment_of, marker_of
from boatyard.sdk_words import call
from boatyard.spec import Layer, PipOptions, PipPackages, Requirements
from boatyard_client.errors import InputError
from boatyard_client.inputs.draft import Draft

_FOLDER: Final = "boatyard-locked"
_ADVICE: Final = "Build without --locked, and take the new image's lock."
_KEPT: Final = (
    "allow-insecure-host default-index exclude-newer extra-index-url index index-strategy index-url keyring-provider "
    "no-build no-cache no-deps only-binary pre prerelease quiet reinstall require-hashes resolution upgrade verbose"
)
_ANOTHER: Final = re.compile(rf"(?:^|\s)(?:-[a-zA-Z]*[rceft]|--(?!(?:{_KEPT.replace(' ', '|')})(?![a-z-]))[a-z-]+)")
"""Options that name other files, or change what is installed."""


def with_lock(draft: Draft, lock: Lock) -> Draft:
    """The same image with the lock's versions. Projects with a lock of their own stay as they are.

    Raises InputError for a lock that is of other layers, platforms or another Python, or does not say enough.
    """
    spec = draft.spec
    if draft.locked:
        raise InputError(f"{draft.origin} names its own lock; take it out, or build without --locked")
    platforms = tuple(each.platform for each in lock.platforms)
    if spec.dockerfile:
        raise InputError(f"{draft.origin} is a Dockerfile: --locked is for layers of packages")
    if spec.python_version and spec.python_version != lock.python:
        raise InputError(f"the lock is for Python {lock.python}, not {spec.python_version}", advice=_ADVICE)
    if lacking := sorted(set(spec.platform) - set(platforms)):
        raise InputError(f"the lock has no versions for {', '.join(lacking)}", advice=_ADVICE)
    if not spec.platform:
        # A deployment's default may have more platforms, and the lock has nothing for them.
        draft = draft.on_platforms(platforms)
    layers: list[Layer] = []
    for index, layer in enumerate(spec.layers):
        if not isinstance(layer, (PipPackages, Requirements)):
            layers.append(layer)
            continue
        text = _requirements(draft, index, layer, lock)
        path = f"{_FOLDER}/{index}/requirements.txt"
        draft.packer.add_bytes(path, text.encode())
        options = _options(layer.options, hashes="--hash=" in text)
        layers.append(Requirements(file=path, options=options, secret_mounts=layer.secret_mounts))
    return replace(draft, spec=msgspec.structs.replace(draft.spec, layers=tuple(layers)), locked=True)


def _requirements(draft: Draft, index: int, layer: PipPackages | Requirements, lock: Lock) -> str:
    """The generated file of one layer."""
    where = f"layer {index}, {call(layer)},"
    if layer.source_dir:
        raise InputError(f"{where} installs files of the context, and a lock names none", advice=_ADVICE)
    if _ANOTHER.search(layer.options.extra_args):
        raise InputError(f"{where} has options that a lock cannot stand for: {layer.options.extra_args}")
    wanted = list(_asked(draft, layer, where))
    for each in lock.platforms:
        state = _until(each.layers, index)
        for asked in wanted:
            if not asked.marker or asked.marker.evaluate(environment_of(lock.python, each.platform)):
                _check(asked, state, where)
    entries = {
        each.platform: next((one for one in each.layers if one.layer == index), LockedLayer(layer=index))
        for each in lock.platforms
    }
    if gone := sorted({name for entry in entries.values() for name in entry.removed}):
        raise InputError(f"{where} removed {gone[0]}, which a lock cannot repeat", advice=_ADVICE)
    where_of: dict[tuple[str, str], list[str]] = {}
    hashes: dict[tuple[str, str], set[str]] = {}
    packages = [(platform, package) for platform, entry in entries.items() for package in entry.packages]
    bare = sorted({package.name for _, package in packages if not _has_hashes(package)})
    if bare and len(bare) != len({package.name for _, package in packages}):
        raise InputError(f"the lock has no hash for {bare[0]} of {where} which came from no index", advice=_ADVICE)
    for platform, package in packages:
        pin = (package.name, package.version)
        where_of.setdefault(pin, []).append(platform)
        hashes.setdefault(pin, set()).update(wheel.sha256 for wheel in package.wheels)
    lines: list[str] = []
    for name, version in sorted(where_of):
        on = where_of[name, version]
        markers = "" if len(on) == len(entries) else " ; " + " or ".join(f"({marker_of(each)})" for each in on)
        digests = "".join(f" \\\n    --hash=sha256:{each}" for each in sorted(hashes[name, version]))
        lines.append(f"{name}=={version}{markers}{digests}\n")
    return "".join(lines)


def _asked(draft: Draft, layer: PipPackages | Requirements, where: str) -> Iterator[Requirement]:
    """What the layer asks for by name. Raises InputError for anything else."""
    for text in layer.packages if isinstance(layer, PipPackages) else _lines(draft, layer, where):
        try:
            asked = Requirement(text)
        except (InvalidRequirement, RecursionError):
            asked = None
        if asked is None or asked.url:
            raise InputError(f"{where} installs {text!r}, and a lock stands for names only", advice=_ADVICE)
        yield asked


def _lines(draft: Draft, layer: Requirements, where: str) -> Iterator[str]:
    contents = draft.read()
    data = contents.data_of(layer.file) if contents else None
    if data is None:
        raise InputError(f"{where} names no file of the context")
    text = data.decode("utf-8-sig", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
    for line in text.splitlines():
        words = re.sub(r"(?:^|\s)#.*", "", line)
        words = re.sub(r"\s--hash[= ]\S+", "", words).strip()
        if words:
            yield words


def _check(asked: Requirement, state: dict[str, LockedPackage], where: str) -> None:
    name = canonicalize_name(asked.name)
    package = state.get(name)
    if package is None:
        raise InputError(f"{where} asks for {asked}, and the lock has no {name}", advice=_ADVICE)
    if not asked.specifier.contains(package.version, prereleases=True):
        raise InputError(f"{where} asks for {asked}, and the lock has {package.version}", advice=_ADVICE)


def _until(layers: Iterable[LockedLayer], index: int) -> dict[str, LockedPackage]:
    """The packages after a layer."""
    state: dict[str, LockedPackage] = {}
    for layer in layers:
        if layer.layer <= index:
            state |= {package.name: package for package in layer.packages}
            for name in layer.removed:
                state.pop(name, None)
    return state


def _has_hashes(package: LockedPackage) -> bool:
    return bool(package.wheels) and all(wheel.url for wheel in package.wheels)


def _options(options: PipOptions, *, hashes: bool) -> PipOptions:
    wanted = ("--no-deps", "--require-hashes") if hashes else ("--no-deps",)
    words = options.extra_args.split()
    return msgspec.structs.replace(options, extra_args=" ".join((*words, *(w for w in wanted if w not in words))))
