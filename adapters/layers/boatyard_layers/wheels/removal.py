"""What uv deletes when it uninstalls a distribution (uv-install-wheel, src/uninstall.rs)."""

from collections.abc import Iterable, Mapping

from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, parent
from boatyard_layers.wheels.records import dist_infos, record_paths


def removed_paths(
    names: Iterable[str], files: Mapping[str, bytes], inventory: Inventory, site: str, venv: str
) -> list[str]:
    """The paths that vanish, without what is below one of them; sorted."""
    infos = dist_infos(files, site)
    view = inventory
    gone: set[str] = set()
    for name in sorted(names):
        info = infos.get(name)
        record = files.get(f"{site}/{info}/RECORD") if info else None
        if record is None:
            raise NotExact(f"{name} has no RECORD, so it cannot be removed here")
        view = _uninstalled(record_paths(record, site, venv), view, site, gone)
    return sorted(path for path in gone if not _has_parent_in(path, gone))


def _uninstalled(paths: list[str], view: Inventory, site: str, gone: set[str]) -> Inventory:
    visited: set[str] = set()
    for path in paths:
        if path in view:
            gone.add(path)
            visited.add(parent(path))
    view = view.applied((), [path for path in paths if path in view])
    for folder in sorted(visited, reverse=True):
        while folder != site and folder.startswith(f"{site}/"):
            # uv deletes the byte code of the folder's other distributions too, and compiles it again at the end.
            left = view.children(folder)
            cache = f"{folder}/__pycache__"
            if cache in left and not left - {cache}:
                view = view.applied((), [folder])
                gone.add(folder)
            elif cache in left:
                stale = _without_source(cache, folder, view)
                gone.update(stale)
                view = view.applied((), stale)
                break
            elif left:
                break
            else:
                view = view.applied((), [folder])
                gone.add(folder)
            folder = parent(folder)
    return view


def _without_source(cache: str, folder: str, view: Inventory) -> list[str]:
    """Byte code in `cache` of which the source is gone; the whole cache if all of it is."""
    kept = view.children(cache)
    stale = [path for path in kept if not _has_source(path.rpartition("/")[2], folder, view)]
    return [cache] if len(stale) == len(kept) else stale


def _has_source(name: str, folder: str, view: Inventory) -> bool:
    """Whether uv makes a file of a cache, such as `alpha.cpython-311.pyc`, again."""
    stem, *rest = name.rsplit(".", 2)
    return len(rest) == 2 and "opt-" not in rest[0] and f"{folder}/{stem}.py" in view


def _has_parent_in(path: str, paths: set[str]) -> bool:
    while path != "/":
        path = parent(path)
        if path in paths:
            return True
    return False
