"""Creates or completes an engine. Does only what is missing."""

import os
from pathlib import Path
from typing import Final

from rich.console import Console

from boatyard_local.engine import (
    bases,
    docker,
    laptop,
    network,
    packages,
    record,
    settings_file,
    unpacked,
    uv_binaries,
)
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.lock import locked
from boatyard_local.engine.making import Making
from boatyard_local.engine.model import Engine, EngineError
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.progress import EngineProgress
from boatyard_local.engine.record import EngineLedger, EngineRun
from boatyard_local.engine.registry import RegistryAccount

_INSTALL: Final = "install Docker with buildx (docs.docker.com/engine/install), or use Debian 12 or 13 as root"


def ensure(state: Path | None = None, *, console: Console | None = None) -> Engine:
    """Returns a running BuildKit and registry for the state folder (default `.boatyard`), with their settings file.

    Quick if they already run, safe to repeat and to interrupt; concurrent callers wait for the first one. Prints its
    steps on `console` (default: stderr). Raises EngineError with advice.
    """
    layout = Layout.of(state)
    progress = EngineProgress(console or Console(stderr=True))
    with locked(layout.lock, lambda: progress.note("waiting for another command that sets the engine up")):
        before = record.load(layout.record, EngineRun)
        if before is not None and _is_up(layout, before.engine):
            engine = before.engine
        else:
            engine = _make(Making(layout, progress, ChildProcesses(layout.logs)))
            record.save(layout.record, EngineRun(engine=engine))
        # Always, because the machine may have moved to another network.
        settings_file.write(layout, engine, network.detect(os.environ, network.pip_files(), engine.network))
    return engine


def _is_up(layout: Layout, engine: Engine) -> bool:
    machine = packages.this_debian()
    if engine.settings != layout.settings or not uv_binaries.are_there(layout.uv):
        return False
    if engine.kind == "unpacked":
        up = isinstance(machine, Debian) and packages.are_unpacked(layout, machine)
        up = up and unpacked.answers(layout, engine)
    else:
        up = laptop.answers(layout, engine)
    return up and bases.are_current(
        engine.images, RegistryAccount.of(layout, engine.registry), machine, _ledger(layout)
    )


def _ledger(layout: Layout) -> EngineLedger:
    return record.load(layout.ledger, EngineLedger) or EngineLedger()


def _make(making: Making) -> Engine:
    making.layout.engine.mkdir(parents=True, exist_ok=True)
    making.layout.state.chmod(0o700)
    try:
        return _choose(making)
    except BaseException:
        # Also after Ctrl-C: no process of a step stays behind.
        making.commands.cancel()
        raise


def _choose(making: Making) -> Engine:
    machine = packages.this_debian()
    own = docker.find()
    why = own if isinstance(own, str) else "the machine's Docker could not start the builder and the registry"
    if isinstance(own, Docker):
        try:
            return laptop.make(making, own, machine)
        except laptop.CannotStart as error:
            if isinstance(machine, str):
                raise
            making.progress.note(f"{error}; going on with Debian's packages")
            laptop.remove(making.layout, own.command)
    if isinstance(machine, str):
        raise EngineError(f"no BuildKit here: {why}, and {machine}. To go on, {_INSTALL}")
    return unpacked.make(making, machine, why)
