"""Stops what `ensure` started, and removes what it made."""

from pathlib import Path

from boatyard_local.engine import docker, laptop, mounts, record, unpacked
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.lock import locked
from boatyard_local.engine.record import EngineRun


def stop(state: Path | None = None) -> bool:
    """Stop BuildKit and registry; what they hold stays. False if nothing ran. Idempotent."""
    layout = Layout.of(state)
    if not layout.state.is_dir():
        return False
    with locked(layout.lock, lambda: None):
        return _stop(layout)


def purge(state: Path | None = None) -> bool:
    """Stop everything and remove the state folder with all it holds. False if nothing ran. Idempotent."""
    layout = Layout.of(state)
    if not layout.state.is_dir():
        return False
    with locked(layout.lock, lambda: None):
        before = record.load(layout.record, EngineRun)
        stopped = _stop(layout)
        if before is not None and before.engine.kind == "docker":
            laptop.remove(layout, before.engine.docker)
        elif before is None and isinstance(own := docker.find(), Docker):
            # interrupted before its record was written: the names are this folder's own
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
