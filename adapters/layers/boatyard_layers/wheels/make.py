"""Makes the layers of one spec layer that installs wheels."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

import msgspec

from boatyard.lock import LockedPackage
from boatyard.settings import Compression
from boatyard.spec import Layer, UVProject, UVScript
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import Distribution, Facts, Group, LayerBlob, PathEntry
from boatyard_layers.pack import LayerItem, contents_of, pack, whiteouts
from boatyard_layers.wheels.dry_run import Changes, read_changes
from boatyard_layers.wheels.grouping import Circumstances, group_key, grouped
from boatyard_layers.wheels.install import LOCK, PinnedSource, install
from boatyard_layers.wheels.locked import lock, locked_alone
from boatyard_layers.wheels.pins import Pin, read_pins
from boatyard_layers.wheels.project import PROJECTS, project_folder, resolve_project
from boatyard_layers.wheels.project_words import project_words
from boatyard_layers.wheels.removal import removed_paths
from boatyard_layers.wheels.stage import StageFolder, check_environment
from boatyard_layers.wheels.uv_process import UvTool
from boatyard_layers.wheels.words import Words, words

_MACHINES: Final = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_AT_ONCE: Final = 8


class GroupStore(Protocol):
    """The part of the layer store that keeps wheels."""

    def find_group(self, key: str) -> Group | None: ...
    def put_group(self, group: Group, path: Path) -> None: ...
    def put_layer(self, layer: LayerBlob, path: Path) -> None: ...


class WheelsStep(msgspec.Struct, frozen=True, kw_only=True):
    layer: Layer
    context: Path
    platform: str
    """`linux/amd64`"""
    environment: dict[str, str]
    """What a RUN step would see: the image's variables and the deployment's network settings."""
    secrets: dict[str, str] = {}
    """Of the layer, by the name of their variable."""
    workdir: str = "/"
    compression: Compression = "zstd"
    level: int = 3
    resolved_only: bool = False
    """Only the versions are wanted: nothing is downloaded, and the result has no layers."""


class WheelsResult(msgspec.Struct, frozen=True, kw_only=True):
    layers: tuple[LayerBlob, ...]
    """In order: what is removed, and then what is installed. None if the environment has everything already."""
    facts: Facts
    """Of the image after them."""
    packages: tuple[LockedPackage, ...]
    """For the lock: what was installed."""
    removed: tuple[str, ...]
    """Names of what was removed, and not installed in another version."""


def make_wheels(
    step: WheelsStep,
    facts: Facts,
    interpreter: Interpreter,
    uv: Path,
    cache: BuilderCache,
    store: GroupStore,
    log: Callable[[str], None] = lambda line: None,
) -> WheelsResult:
    """Raises NotExact if the layer is for BuildKit."""
    inventory = Inventory.decode(facts.inventory)
    with cache.stage() as folder, project_folder() as tree:
        work = Path(os.path.realpath(folder))
        (work / "a").mkdir()
        stage = StageFolder(work / "a" / "venv", interpreter)
        project = project_words(step.layer, step.secrets) if isinstance(step.layer, (UVProject, UVScript)) else None
        asked = Words(variables=project.variables) if project else words(step.layer, step.context, step.secrets)
        check_environment(facts.files, inventory, stage, PROJECTS if project else step.workdir)
        if not interpreter.libc:
            raise NotExact("the image's C library is not glibc")
        tool = UvTool(
            program=uv,
            cache=cache.uv,
            variables={**UvTool.environment({**step.environment, **step.secrets}), **asked.variables},
            check=interpreter.check,
            platform=_foreign(step.platform, os.uname().machine, interpreter.libc),
        )
        stage.make(facts.files)
        if project:
            environment = {**step.environment, **step.secrets}
            changes, source = resolve_project(project, step.context, environment, stage, tool, tree)
            sources: tuple[PinnedSource, ...] = (source,)
        else:
            found = None if _has_distributions(facts, stage) else locked_alone(asked, stage, tool, work)
            if found is None:
                changes, exact = _resolved(asked, stage, tool)
                sources = _pinned(changes, exact, asked, stage, tool, work)
            else:
                changes, sources = found
        log(f"uv would install {len(changes.added)} distributions, and remove {len(changes.removed)}")
        pins = [pin for source in sources for pin in source.pins]
        site = f"{interpreter.venv}/{stage.site}"
        gone = removed_paths(changes.removed, facts.files, inventory, site, interpreter.venv)
        if step.resolved_only:
            return _without_layers(facts, changes, pins, gone, site)
        circumstances = Circumstances(
            python=interpreter.minor,
            platform=f"{step.platform} {interpreter.libc}",
            venv=interpreter.venv,
            compiled_by=interpreter.identity,
            compression=step.compression,
            level=step.level,
        )
        (work / "b").mkdir()
        fresh = StageFolder(work / "b" / "venv", interpreter)
        groups = _groups(sources, circumstances, step.compression, fresh, tool, store, work, log)
        lock = PathEntry(path=f"{interpreter.venv}/{LOCK}", mode=0o666)
        own = [] if lock.path in inventory else [LayerItem(lock, b"")]
        after = _applied(inventory, gone, groups, interpreter.venv).applied(item.entry for item in own)
        layers = [group.layer for group in groups]
        if gone or own:
            path = work / "own"
            layer = pack([*whiteouts(gone), *own], path, step.compression, step.level)
            store.put_layer(layer, path)
            layers.insert(0, layer)
        return WheelsResult(
            layers=tuple(layers),
            facts=msgspec.structs.replace(
                facts,
                inventory=after.encode(),
                files=_files(facts.files, gone, groups),
                distributions=_distributions(facts.distributions, changes, pins),
            ),
            packages=tuple(pin.locked for pin in sorted(pins, key=lambda pin: pin.name)),
            removed=tuple(sorted(set(changes.removed) - set(changes.added))),
        )


def _has_distributions(facts: Facts, stage: StageFolder) -> bool:
    site = f"{stage.interpreter.venv}/{stage.site}/"
    return any(path.startswith(site) and path.endswith(".dist-info/METADATA") for path in facts.files)


def _without_layers(
    facts: Facts, changes: Changes, pins: Sequence[Pin], gone: Sequence[str], site: str
) -> WheelsResult:
    infos = [f"{name.replace('-', '_')}-{version}.dist-info" for name, version in changes.added.items()]
    return WheelsResult(
        layers=(),
        facts=msgspec.structs.replace(
            facts,
            files={**_files(facts.files, gone, []), **{f"{site}/{info}/METADATA": b"" for info in infos}},
            distributions=_distributions(facts.distributions, changes, pins),
        ),
        packages=tuple(pin.locked for pin in sorted(pins, key=lambda pin: pin.name)),
        removed=tuple(sorted(set(changes.removed) - set(changes.added))),
    )


def _foreign(platform: str, machine: str, libc: str) -> str:
    wanted = _MACHINES.get(platform)
    if wanted is None:
        raise NotExact(f"wheels for {platform} are not made here")
    return "" if wanted == machine else f"{wanted}-manylinux_{libc}"


def _resolved(asked: Words, stage: StageFolder, uv: UvTool) -> tuple[Changes, str]:
    """The changes of a layer, and the name of the distribution that comes from the layer's folder alone."""
    common = ("--dry-run", "--no-build-isolation")
    arguments = (*common, *asked.sources, *asked.options)
    changes = read_changes(uv.run(stage, ("pip", "install"), (*arguments, *asked.requirements)).stderr)
    if not asked.exactly:
        return changes, ""
    given = ("--no-deps", "--no-index", "--reinstall", "--", asked.exactly)
    exact = read_changes(uv.run(stage, ("pip", "install"), (*arguments, *given)).stderr)
    if len(exact.added) != 1:
        raise NotExact("the layer's folder does not have exactly one wheel for the package")
    return Changes({**changes.added, **exact.added}, {**changes.removed, **exact.removed}), next(iter(exact.added))


def _pinned(
    changes: Changes, exact: str, asked: Words, stage: StageFolder, uv: UvTool, work: Path
) -> tuple[PinnedSource, ...]:
    rest = {name: version for name, version in changes.added.items() if name != exact}
    sources = []
    for versions, arguments in (
        (rest, asked.sources),
        ({exact: changes.added[exact]} if exact else {}, (*asked.sources, "--no-index")),
    ):
        if not versions:
            continue
        document = lock(
            [f"{name}=={version}" for name, version in versions.items()], ("--no-deps", *arguments), stage, uv, work
        )
        pins = read_pins(document, versions, asked.hashes)
        sources.append(PinnedSource(pins, tuple(dict.fromkeys(arguments))))
    return tuple(sources)


def _groups(
    sources: Sequence[PinnedSource],
    circumstances: Circumstances,
    compression: Compression,
    stage: StageFolder,
    uv: UvTool,
    store: GroupStore,
    work: Path,
    log: Callable[[str], None],
) -> list[Group]:
    wanted = [
        (group_key(members, circumstances), members)
        for members in grouped([pin for source in sources for pin in source.pins])
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        groups = pool.map(store.find_group, [key for key, _ in wanted])
        found = {key: group for (key, _), group in zip(wanted, groups, strict=True) if group is not None}
    missing = [(key, members) for key, members in wanted if key not in found]
    log(f"layers of wheels: {len(found)} in the registry, {len(missing)} to make")
    if missing:
        names = {pin.name for _, members in missing for pin in members}
        needed = [
            msgspec.structs.replace(source, pins=tuple(pin for pin in source.pins if pin.name in names))
            for source in sources
        ]
        installed = install(needed, stage, uv)

        def made(key: str, members: Sequence[Pin]) -> Group:
            items = _merged(item for pin in members for item in installed[pin.name])
            path = work / key
            layer = pack(items, path, compression, circumstances.level)
            group = Group(key=key, layer=layer, entries=tuple(item.entry for item in items), files=_metadata(items))
            store.put_group(group, path)
            path.unlink()
            return group

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found |= zip([key for key, _ in missing], pool.map(made, *zip(*missing, strict=True)), strict=True)
    return [found[key] for key, _ in wanted]


def _merged(items: Iterable[LayerItem]) -> list[LayerItem]:
    """Sorted, each folder once."""
    found = {item.entry.path: item for item in items}
    return [found[path] for path in sorted(found)]


def _metadata(items: Iterable[LayerItem]) -> dict[str, bytes]:
    found = {}
    for item in items:
        if item.entry.kind == "file" and ".dist-info/" in item.entry.path:
            found[item.entry.path] = contents_of(item)
    return found


def _applied(inventory: Inventory, gone: Sequence[str], groups: Sequence[Group], venv: str) -> Inventory:
    """The file system after the layers. Raises NotExact if a wheel's file would replace another one."""
    view = inventory.applied((), gone)
    for group in groups:
        for entry in group.entries:
            _check(entry, view, venv)
        view = view.applied(group.entries)
    return view


def _check(entry: PathEntry, view: Inventory, venv: str) -> None:
    if not entry.path.startswith(f"{venv}/") or entry.kind not in ("file", "directory"):
        raise NotExact("a layer of wheels has a path outside of the environment")
    there = view.get(entry.path)
    if there is None or "/__pycache__/" in entry.path:
        return
    if entry.kind == "file":
        raise NotExact(f"{entry.path} is there already, and belongs to something else")
    if (there.kind, there.mode, there.uid, there.gid) != (entry.kind, entry.mode, entry.uid, entry.gid):
        raise NotExact(f"{entry.path} is there already, with another owner or mode")


def _files(files: Mapping[str, bytes], gone: Sequence[str], groups: Sequence[Group]) -> dict[str, bytes]:
    hidden = tuple(f"{path}/" for path in gone)
    left = {path: data for path, data in files.items() if not f"{path}/".startswith(hidden)}
    for group in groups:
        left |= group.files
    return dict(sorted(left.items()))


def _distributions(before: Sequence[Distribution], changes: Changes, pins: Sequence[Pin]) -> tuple[Distribution, ...]:
    found = {each.name: each for each in before if each.name not in changes.removed}
    for pin in pins:
        found[pin.name] = Distribution(name=pin.name, version=pin.version, hashes=pin.hashes)
    return tuple(found[name] for name in sorted(found))
