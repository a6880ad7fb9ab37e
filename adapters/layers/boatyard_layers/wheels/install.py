"""Installs pinned wheels into a fresh environment, and takes it apart by distribution."""

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
from packaging.utils import canonicalize_name

from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import parent
from boatyard_layers.model import PathEntry
from boatyard_layers.pack import LayerItem
from boatyard_layers.wheels.bytecode import ByteCode, byte_code_of, compile_sources
from boatyard_layers.wheels.pins import Pin
from boatyard_layers.wheels.records import dist_infos, record_paths, with_contents
from boatyard_layers.wheels.stage import StageFolder
from boatyard_layers.wheels.uv_process import UvTool

LOCK: Final = ".lock"
"""The empty file that uv leaves in an environment, so that no two processes change it."""
_CACHED: Final = "uv_cache.json"
_CACHE_FACT: Final = b'{"timestamp":{"secs_since_epoch":315532800,"nanos_since_epoch":0}'
"""Begins uv_cache.json of a wheel from a folder, where uv writes the time at which the file came to the machine."""


class Installer(Protocol):
    """Installs in another way than by name, version and hash."""

    def install(self, names: Collection[str], stage: StageFolder, uv: UvTool) -> None: ...


class PinnedSource(msgspec.Struct, frozen=True):
    """Pins that come from the same places."""

    pins: tuple[Pin, ...]
    arguments: tuple[str, ...] = ()
    installer: Installer | None = None


def install(sources: Sequence[PinnedSource], stage: StageFolder, uv: UvTool) -> dict[str, list[LayerItem]]:
    """The files of each distribution by its name, with byte code and folders."""
    stage.make()
    fixed = {path for path, _ in _walk(stage.folder)}
    for number, source in enumerate(sources):
        if not source.pins:
            continue
        if source.installer:
            source.installer.install([pin.name for pin in source.pins], stage, uv)
            continue
        requirements = stage.folder.parent / f"pins-{number}.txt"
        requirements.write_text("".join(f"{pin.requirement}\n" for pin in source.pins), encoding="utf-8")
        uv.run(
            stage,
            ("pip", "install"),
            ("--no-deps", "--require-hashes", "--no-build", *source.arguments, "-r", str(requirements)),
        )
    written = {path for path, is_folder in _walk(stage.folder) if not is_folder} - fixed - {LOCK}
    pins = [pin for source in sources for pin in source.pins]
    owners = _owners(written, pins, stage)
    codes = _compiled(written, owners, stage)
    paths: dict[str, list[str]] = {pin.name: [] for pin in pins}
    for path in sorted(owners):
        paths[owners[path]].append(path)
    return {name: _items(mine, codes, stage) for name, mine in paths.items()}


def _owners(written: set[str], pins: Iterable[Pin], stage: StageFolder) -> dict[str, str]:
    """The distribution's name of each file, by the path below the stage."""
    infos = dist_infos((f"/{path}" for path in written), f"/{stage.site}")
    owners: dict[str, str] = {}
    for pin in pins:
        info = infos.get(canonicalize_name(pin.name))
        if info is None:
            raise NotExact(f"{pin.name} was not installed")
        record = (stage.folder / stage.site / info / "RECORD").read_bytes()
        for path in record_paths(record, f"/stage/{stage.site}", "/stage"):
            place = path.removeprefix("/stage/")
            if place not in written:
                continue
            other = owners.setdefault(place, pin.name)
            if other != pin.name:
                raise NotExact(f"{other} and {pin.name} have a file in common")
    if left := written - set(owners):
        raise NotExact(f"{min(left)} is in no RECORD")
    return owners


def _compiled(written: Iterable[str], owners: dict[str, str], stage: StageFolder) -> dict[str, ByteCode]:
    """The byte code by its path, which is added to `owners`. What is there of a wheel is replaced."""
    sources = [
        path
        for path in sorted(written)
        if path.startswith(f"{stage.site}/") and path.endswith(".py") and "/__pycache__/" not in path
    ]
    venv = stage.interpreter.venv
    here = [(stage.folder / path, f"{venv}/{path}") for path in sources]
    made = compile_sources(here, stage.interpreter, stage.folder.parent)
    codes: dict[str, ByteCode] = {}
    for path, (place, _) in zip(sources, here, strict=True):
        if found := made.get(place):
            code = byte_code_of(path, stage.interpreter)
            codes[code] = found
            owners.setdefault(code, owners[path])
    return codes


def _items(mine: Sequence[str], codes: Mapping[str, ByteCode], stage: StageFolder) -> list[LayerItem]:
    """Of one distribution."""
    venv, folder = stage.interpreter.venv, str(stage.folder)
    changed: dict[str, bytes] = {}
    for path in mine:
        if path.startswith("bin/") or path.endswith(f"/{_CACHED}"):
            data = _in_image(stage.folder / path, stage)
        else:
            data = None
        if data is not None:
            changed[path] = data
    record = next(path for path in mine if path.endswith(".dist-info/RECORD") and path.count("/") == 4)
    if changed:
        rows = {posixpath.relpath(path, stage.site): data for path, data in changed.items()}
        changed[record] = with_contents((stage.folder / record).read_bytes(), rows)
    structure = {"", "bin", "lib", stage.library, stage.site}
    folders: set[str] = set()
    items = []
    for path in mine:
        if code := codes.get(path):
            entry = PathEntry(path=f"{venv}/{path}", mode=code.mode, size=code.part.size)
            items.append(LayerItem(entry, code.part))
        else:
            place = f"{folder}/{path}"
            found = os.stat(place)  # noqa: PTH116 - half the time of Path, for thousands of files
            contents = changed.get(path)
            size = found.st_size if contents is None else len(contents)
            entry = PathEntry(path=f"{venv}/{path}", mode=found.st_mode & 0o777, size=size)
            items.append(LayerItem(entry, Path(place) if contents is None else contents))
        above = posixpath.dirname(path)
        while above not in structure and above not in folders:
            folders.add(above)
            above = posixpath.dirname(above)
    items += [LayerItem(PathEntry(path=f"{venv}/{path}", kind="directory", mode=0o755)) for path in sorted(folders)]
    return items


def _in_image(path: Path, stage: StageFolder) -> bytes | None:
    """The contents that the file has in the image, if they are not the same here."""
    if path.name == _CACHED and parent(path.as_posix()).endswith(".dist-info"):
        data = path.read_bytes()
        return _CACHE_FACT + data[data.index(b"}") + 1 :] if data.startswith(b'{"timestamp":{') else None
    if path.parent != stage.folder / "bin":
        return None
    data = path.read_bytes()
    here = f"{stage.folder}/bin/".encode()
    # How uv begins a script if the path is too long for a first line, or has a space. The image's path never is.
    long = re.match(rb"#!/bin/sh\n'''exec' '?" + re.escape(here) + rb"([a-z0-9.]+)'? \"\$0\" \"\$@\"\n' '''\n", data)
    if long:
        data = b"#!" + here + long[1] + b"\n" + data[long.end() :]
    first, _, rest = data.partition(b"\n")
    if first.startswith(b"#!" + here):
        return first.replace(here, f"{stage.interpreter.venv}/bin/".encode(), 1) + b"\n" + rest
    if here in data:
        raise NotExact(f"the script {path.name} names the environment in an unknown way")
    return None


def _walk(folder: Path) -> Iterable[tuple[str, bool]]:
    """Paths below the folder; whether each is a folder. Raises NotExact for what no wheel contains."""
    left = [""]
    while left:
        above = left.pop()
        with os.scandir(folder / above) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise NotExact("a wheel made a link")
                path = above + entry.name
                if entry.is_dir():
                    left.append(f"{path}/")
                yield path, entry.is_dir()
