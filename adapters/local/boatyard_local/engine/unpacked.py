"""Creates an engine from Debian's packages."""

import os

from boatyard_local.engine import bases, dockerd, login, network, packages, registry
from boatyard_local.engine.imports import ImportBuilder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.making import Making, Task
from boatyard_local.engine.model import Engine
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.ports import free_port
from boatyard_local.engine.registry import RegistryAccount


def make(making: Making, machine: Debian, why: str) -> Engine:
    """Creates the engine. `why` says why the machine's own Docker is not used."""
    layout, progress = making.layout, making.progress
    there = packages.are_unpacked(layout, machine)
    if there:
        progress.expect(1)
    else:
        progress.note(f"{why}: using Debian's packages, unpacked in {layout.root} and not installed")
    wanted = bases.choose(machine)
    # The registry's contents are only known while it runs; on a first run it is empty.
    if there:
        _start(making)
        missing = bases.kept(wanted, RegistryAccount.of(layout, _address(making)), making.ledger).missing
        tasks: list[Task] = []
    else:
        missing = ("",) * len(wanted)
        tasks = [lambda: _unpack_and_start(making, machine)]
    tasks += making.uv() + making.root(wanted, missing=len(missing) == len(wanted))
    # one task, because starting follows unpacking
    progress.expect(len(tasks) + (not there) + len(missing))
    making.at_once(tasks)
    builder = ImportBuilder(
        docker=str(layout.root / "usr/bin/docker"),
        docker_host=dockerd.host(layout),
        docker_config=str(layout.docker_config),
        name=None,
        registry=_address(making),
        network=network.detect(os.environ, network.pip_files(), "host"),
    )
    return making.finish("unpacked", builder, wanted, f"{why}; BuildKit and registry run from Debian's packages")


def _unpack_and_start(making: Making, machine: Debian) -> None:
    with making.progress.step("Docker, BuildKit and registry from Debian's packages"):
        # An engine of another recipe may still run.
        stop(making.layout)
        packages.unpack(making.layout, machine, making.commands)
    _start(making)


def _start(making: Making) -> None:
    layout = making.layout
    with making.progress.step("Starting BuildKit and registry") as step:
        layout.temporary.mkdir(parents=True, exist_ok=True)
        dockerd.start(layout)
        port = making.ledger.port
        account = RegistryAccount.of(layout, f"127.0.0.1:{port}")
        if not (port and registry.daemon(layout).running() and registry.answers(account)):
            registry.stop(layout)
            port = free_port(port)
            making.remember_port(port)
            registry.start(layout, port)
        login.write_docker_config(layout, f"127.0.0.1:{port}")
        step.say(f"registry on 127.0.0.1:{port}")


def _address(making: Making) -> str:
    return f"127.0.0.1:{making.ledger.port}"


def stop(layout: Layout) -> bool:
    """Returns False if nothing ran."""
    stopped = [registry.stop(layout), dockerd.stop(layout)]
    return any(stopped)


def answers(layout: Layout, engine: Engine) -> bool:
    return dockerd.is_up(layout) and registry.answers(RegistryAccount.of(layout, engine.registry))
