"""Stops the processes that `ensure` started, and removes its files."""

from pathlib import Path

from boatyard_local.engine import docker, laptop, mounts, record, unpacked
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.lock import locked
from boatyard_local.engine.record import EngineRun


def stop(state: Path | None = None) -> bool:
    """Stops BuildKit and the registry, and keeps their data. Returns False if nothing ran. Safe to repeat."""
    layout = Layout.of(state)
    if not layout.state.is_dir():
        return False
    with locked(layout.lock, lambda: None):
        return _stop(layout)


def purge(state: Path | None = None) -> bool:
    """Stops everything and removes the state folder. Returns False if nothing ran. Safe to repeat."""
    layout = Layout.of(state)
    if not layout.state.is_dir():
        return False
    with locked(layout.lock, lambda: None):
        before = record.load(layout.record, EngineRun)
        stopped = _stop(layout)
        if before is not None and before.engine.kind == "docker":
            laptop.remove(layout, before.engine.docker)
        elif before is None and isinstance(own := docker.find(), Docker):
            # for an interrupted `ensure` without a record; the names are unique to this folder
            laptop.remove(layout, own.command)
        mounts.remove(layout.runtime)
        mounts.remove(layout.state)
    return stopped


def _stop(layout: Layout) -> bool:
    before = record.load(layout.record, EngineRun)
    if before is not None and before.engine.kind == "docker":
        laptop.stop(layout, before.engine.docker)
        return True
    return unpacked.stop(layout)
