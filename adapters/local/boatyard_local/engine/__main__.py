"""`python -m boatyard_local.engine ensure|stop|status`: the engine alone, without a server."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.markup import escape

from boatyard_local.engine import dockerd, ensure, purge, record, registry, stop
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import Engine, EngineError
from boatyard_local.engine.record import EngineRun
from boatyard_local.engine.registry import RegistryAccount


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if options.command == "ensure":
            code = _ensure(options.state, options.json, console)
        elif options.command == "stop":
            code = _stop(options.state, options.purge, options.json, console)
        else:
            code = _status(options.state, options.json)
        sys.stdout.flush()
        return code
    except EngineError as error:
        console.print(f"[red]boatyard:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    except BrokenPipeError:
        # `… | head` has closed the pipe; flushing the rest at exit must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        console.print("[red]boatyard:[/] interrupted; the same command goes on from here")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m boatyard_local.engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("ensure", "make sure that BuildKit and registry run"),
        ("stop", "stop them; what they hold stays"),
        ("status", "say whether they run"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--state", type=Path, default=Path(".boatyard"), help="default: .boatyard")
        command.add_argument("--json", action="store_true", help="one JSON object on stdout")
        if name == "stop":
            command.add_argument("--purge", action="store_true", help="and remove the state folder")
    return parser


def _ensure(state: Path, as_json: bool, console: Console) -> int:
    begin = time.monotonic()
    engine = ensure(state, console=console)
    if as_json:
        _print(engine)
        return 0
    for line in describe(engine):
        console.print(f"  [dim]·[/] {escape(line)}", highlight=False, soft_wrap=True)
    console.print(f"[green]Engine ready[/] [dim]{time.monotonic() - begin:.1f} s[/]", highlight=False)
    return 0


def describe(engine: Engine) -> list[str]:
    """A description of the engine, one line for each fact."""
    where = engine.builder or engine.docker_host or "Docker"
    lines = [f"BuildKit: {where}, runs commands on {', '.join(engine.platforms)}", f"registry: {engine.registry}"]
    for image in engine.images:
        lines.append(f"{image.reference.partition('@')[0]} stands for {image.stands_for[0]}: {image.why}")
    return [*lines, *engine.notes, f"settings: {engine.settings}"]


def _stop(state: Path, remove: bool, as_json: bool, console: Console) -> int:
    stopped = purge(state) if remove else stop(state)
    if as_json:
        _print({"stopped": stopped, "removed": remove})
    else:
        console.print("stopped" if stopped else "nothing was running")
    return 0


def _status(state: Path, as_json: bool) -> int:
    """Returns 0 if both answer, else 3, like `systemctl status`."""
    layout = Layout.of(state)
    before = record.load(layout.record, EngineRun)
    engine = before.engine if before else None
    answers = engine is not None and registry.answers(RegistryAccount.of(layout, engine.registry))
    if engine is not None and engine.kind == "unpacked":
        answers = answers and dockerd.is_up(layout)
    if as_json:
        _print({"running": answers, "engine": engine})
    else:
        sys.stdout.write(("running" if answers else "not running") + "\n")
        for line in describe(engine) if engine else []:
            sys.stdout.write(f"  {line}\n")
    return 0 if answers else 3


def _print(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
