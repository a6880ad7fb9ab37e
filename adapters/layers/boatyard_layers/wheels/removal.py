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
    view = _View(inventory)
    for name in sorted(names):
        info = infos.get(name)
        record = files.get(f"{site}/{info}/RECORD") if info else None
        if record is None:
            raise NotExact(f"{name} has no RECORD, so it cannot be removed here")
        _uninstall(record_paths(record, site, venv), view, site)
    return sorted(path for path in view.gone if not _has_parent_in(path, view.gone))


class _View:
    """An inventory of which paths vanish."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.gone: set[str] = set()

    def __contains__(self, path: str) -> bool:
        return path in self._inventory and path not in self.gone and not _has_parent_in(path, self.gone)

    def left(self, folder: str) -> set[str]:
        """What is in a folder that is still there."""
        return {path for path in self._inventory.children(folder) if path not in self.gone}


def _uninstall(paths: list[str], view: _View, site: str) -> None:
    there = [path for path in paths if path in view]
    view.gone.update(there)
    for folder in sorted({parent(path) for path in there}, reverse=True):
        while folder != site and folder.startswith(f"{site}/"):
            # uv deletes the byte code of the folder's other distributions too. At the end, uv from 0.11 compiles only
            # what it installs.
            left = view.left(folder)
            cache = f"{folder}/__pycache__"
            if left - {cache}:
                view.gone.update(left & {cache})
                break
            view.gone.add(folder)
            folder = parent(folder)


def _has_parent_in(path: str, paths: set[str]) -> bool:
    while path != "/":
        path = parent(path)
        if path in paths:
            return True
    return False
