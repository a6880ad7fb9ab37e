"""The context that all steps of creating an engine share, and their parallel execution."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from boatyard_local.engine import bases, platforms, record, uv_binaries
from boatyard_local.engine.bases import WantedImages
from boatyard_local.engine.command import ChildProcesses, ask
from boatyard_local.engine.environment import docker_environment
from boatyard_local.engine.imports import ImportBuilder
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import Engine, Kind
from boatyard_local.engine.progress import EngineProgress
from boatyard_local.engine.record import EngineLedger

Task = Callable[[], None]


class Making(NamedTuple):
    layout: Layout
    progress: EngineProgress
    commands: ChildProcesses

    @property
    def ledger(self) -> EngineLedger:
        return record.load(self.layout.ledger, EngineLedger) or EngineLedger()

    def remember_port(self, port: int) -> None:
        ledger = self.ledger
        if ledger.port != port:
            record.save(self.layout.ledger, EngineLedger(port=port, images=ledger.images))

    def uv(self) -> list[Task]:
        """The task that downloads uv, if it is missing."""

        def fetch() -> None:
            with self.progress.step(f"uv {uv_binaries.version()} for images"):
                uv_binaries.fetch(self.layout.uv, self.commands)

        return [] if uv_binaries.are_there(self.layout.uv) else [fetch]

    def root(self, wanted: WantedImages, missing: bool) -> list[Task]:
        """The task that creates the Python base's root file system, if it is missing."""
        machine = wanted.python
        if machine is None or not missing:
            return []
        return [lambda: bases.root(self.layout, machine, self.progress, self.commands)]

    def at_once(self, tasks: Sequence[Task]) -> None:
        """Runs tasks in threads; the first failure, or Ctrl-C, ends the others."""
        if not tasks:
            return
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures: list[Future[None]] = [pool.submit(task) for task in tasks]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                self.commands.cancel()
                raise

    def finish(self, kind: Kind, builder: ImportBuilder, wanted: WantedImages, *notes: str) -> Engine:
        """Creates the missing images, and describes the engine."""
        env = docker_environment(builder.docker_host, builder.docker_config)
        name = [builder.name] if builder.name else []
        inspected = ask([builder.docker, "buildx", "inspect", *name], env=env)
        found = platforms.buildable(inspected.stdout if inspected else "")
        return Engine(
            kind=kind,
            docker=builder.docker,
            docker_host=builder.docker_host,
            docker_config=builder.docker_config,
            builder=builder.name,
            network="host" if builder.network.mode == "host" else "default",
            registry=builder.registry,
            platforms=found or (platforms.native(),),
            images=bases.make(self.layout, builder, wanted, self.progress, self.commands),
            settings=self.layout.settings,
            notes=tuple(note for note in (*notes, wanted.note) if note),
        )
