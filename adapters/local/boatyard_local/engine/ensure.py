"""Makes sure that there is an engine; does only what is missing, and nothing when nothing is."""

import os
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

from rich.console import Console

from boatyard.settings import Network
from boatyard_local.engine import (
    bases,
    docker,
    dockerd,
    laptop,
    network,
    packages,
    platforms,
    record,
    registry,
    settings_file,
    uv_binaries,
)
from boatyard_local.engine.command import Commands, ask
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.environment import docker_environment
from boatyard_local.engine.imports import Builder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.lock import locked
from boatyard_local.engine.model import Engine, EngineError
from boatyard_local.engine.packages import Debian
from boatyard_local.engine.ports import free_port
from boatyard_local.engine.progress import Progress

_INSTALL: Final = "install Docker with buildx (docs.docker.com/engine/install), or use Debian 12 or 13 as root"


def ensure(state: Path | None = None, *, console: Console | None = None) -> Engine:
    """A running BuildKit and registry for the state folder (default `.boatyard`), and their settings file.

    Quick when they run already, safe to repeat and to interrupt; a second caller waits for the first.
    Prints its steps on `console` (default: stderr). Raises EngineError, which says what to do.
    """
    layout = Layout.of(state)
    progress = Progress(console or Console(stderr=True))
    with locked(layout.lock, lambda: progress.note("another command is setting the engine up; waiting for it")):
        return _Ensure(layout, progress).run()


class _Ensure:
    def __init__(self, layout: Layout, progress: Progress) -> None:
        self.layout = layout
        self.progress = progress
        self.commands = Commands(layout.logs)
        self.before = record.load(layout.record)

    def run(self) -> Engine:
        if self.before is not None and self._is_up(self.before):
            settings_file.write(self.layout, self.before.engine, _network(self.before.engine.network))
            return self.before.engine
        self.layout.engine.mkdir(parents=True, exist_ok=True)
        self.layout.state.chmod(0o700)
        try:
            return self._make()
        except BaseException:
            # Ctrl-C included: nothing that was started for this step stays behind.
            self.commands.cancel()
            raise

    def _is_up(self, before: record.Record) -> bool:
        engine = before.engine
        if engine.settings != self.layout.settings or not uv_binaries.are_there(self.layout.uv):
            return False
        if engine.kind == "unpacked":
            up = dockerd.answers(self.layout.docker_socket) and registry.answers(engine.registry)
        else:
            up = laptop.answers(Path(engine.docker), self.layout, engine.registry)
        return up and bases.are_there(before, packages.this_debian())

    def _make(self) -> Engine:
        machine = packages.this_debian()
        own = docker.find()
        if isinstance(own, Docker) and (engine := self._on_docker(own, machine)):
            return engine
        if isinstance(machine, str):
            why = own if isinstance(own, str) else "its Docker could not start the builder and the registry"
            raise EngineError(f"no BuildKit here: {why}, and {machine}. To go on, {_INSTALL}")
        return self._unpacked(machine, "" if isinstance(own, Docker) else own)

    def _on_docker(self, own: Docker, machine: Debian | str) -> Engine | None:
        """Engine on the machine's Docker; None if it cannot, but packages can be unpacked instead."""
        found = _network("default")
        self.progress.total = 3
        try:
            with self.progress.step(f"Registry and BuildKit on Docker {own.version}"):
                port = laptop.start_registry(self.layout, own, self._port(), self.commands)
                address = f"127.0.0.1:{port}"
                name = laptop.start_builder(self.layout, own, address, found.ca_bundle, self.commands)
        except EngineError as error:
            if isinstance(machine, str):
                raise
            self.progress.note(f"{error}; going on with Debian's packages")
            laptop.remove(self.layout, own.command)
            return None
        builder = Builder(own.command, "", "", name, address, found)
        wanted = bases.choose(machine)
        self.progress.total = 2 + (1 if wanted.python else 0) + len(wanted.names)
        self._at_once([self._uv, *self._rootfs(wanted)])
        return self._finish(builder, "docker", port, wanted, ())

    def _unpacked(self, machine: Debian, why: str) -> Engine:
        wanted = bases.choose(machine)
        self.progress.note(f"{why}: using Debian's packages, unpacked in {self.layout.root} and not installed")
        self.progress.total = 3 + (1 if wanted.python else 0) + len(wanted.names)
        port = 0

        def start() -> None:
            nonlocal port
            port = self._start_unpacked(machine)

        self._at_once([start, self._uv, *self._rootfs(wanted)])
        builder = Builder(
            str(self.layout.root / "usr/bin/docker"),
            dockerd.host(self.layout),
            str(self.layout.docker_config),
            None,
            f"127.0.0.1:{port}",
            _network("host"),
        )
        return self._finish(builder, "unpacked", port, wanted, (f"{why}; Debian's packages run in its place",))

    def _start_unpacked(self, machine: Debian) -> int:
        if not packages.is_unpacked(self.layout):
            with self.progress.step("Docker, BuildKit and registry from Debian's packages"):
                packages.unpack(self.layout, machine, self.commands)
        else:
            self.progress.total -= 1
        with self.progress.step("Starting BuildKit and registry") as step:
            dockerd.start(self.layout)
            port = self._port()
            if registry.daemon(self.layout).running() is None or port is None:
                registry.stop(self.layout)
                port = free_port(port)
            registry.start(self.layout, port)
            step.say(f"registry on 127.0.0.1:{port}")
        return port

    def _uv(self) -> None:
        if uv_binaries.are_there(self.layout.uv):
            self.progress.total -= 1
            return
        with self.progress.step(f"uv {uv_binaries.version()} for images"):
            uv_binaries.fetch(self.layout.uv, self.commands)

    def _rootfs(self, wanted: bases.Wanted) -> list[Callable[[], None]]:
        """The root file system takes longest, so it is made while the engine is fetched."""
        if not wanted.python or wanted.machine is None:
            return []
        if self.before and bases.has_python(self.before, wanted.machine, self.layout):
            self.progress.total -= 1
            return []
        return [lambda: bases.root(self.layout, wanted, self.progress, self.commands)]

    def _finish(self, builder: Builder, kind: str, port: int, wanted: bases.Wanted, notes: tuple[str, ...]) -> Engine:
        env = docker_environment(builder.docker_host, builder.docker_config)
        inspected = ask([builder.docker, "buildx", "inspect", *([builder.name] if builder.name else [])], env=env)
        found = platforms.buildable(inspected.stdout if inspected else "")
        made, fingerprints = bases.make(self.layout, builder, wanted, self.before, self.progress, self.commands)
        engine = Engine(
            kind="docker" if kind == "docker" else "unpacked",
            docker=builder.docker,
            docker_host=builder.docker_host,
            docker_config=builder.docker_config,
            builder=builder.name,
            network="host" if builder.network.mode == "host" else "default",
            registry=builder.registry,
            platforms=found or (platforms.native(),),
            images=made,
            settings=self.layout.settings,
            notes=(*notes, *wanted.notes),
        )
        settings_file.write(self.layout, engine, builder.network)
        record.save(
            self.layout.record,
            record.Record(version=record.VERSION, engine=engine, port=port, fingerprints=fingerprints),
        )
        return engine

    def _port(self) -> int | None:
        return self.before.port if self.before else None

    def _at_once(self, tasks: list[Callable[[], None]]) -> None:
        """Run tasks in threads; the first failure, or Ctrl-C, ends the others."""
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures: list[Future[None]] = [pool.submit(task) for task in tasks]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
                for future in futures:
                    if future.done():
                        future.result()
            except BaseException:
                self.commands.cancel()
                raise


def _network(mode: str) -> Network:
    return network.detect(os.environ, network.pip_files(), mode)
