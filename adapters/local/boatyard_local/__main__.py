"""`python -m boatyard_local serve|stop`: the server as a background process. Users call `boatyard serve`."""

import argparse
import sys
from pathlib import Path

from boatyard_local import ServeError, SettingsError, load_settings, serve
from boatyard_local.jobs.halt import halt
from boatyard_local.server_process import stop
from boatyard_local.state import StateFolder


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    if options.command == "stop":
        stop(options.state)
        if options.jobs:
            halt(StateFolder(options.state))
        return 0
    try:
        settings = load_settings(options.config, beneath=options.beneath)
        serve(
            settings,
            options.state,
            options.host,
            options.port,
            lambda url: print(url, flush=True),
            host_names=options.host_name,
        )
    except (ServeError, SettingsError) as error:
        print(f"boatyard: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m boatyard_local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve until a signal comes")
    serving.add_argument("--config", type=Path, help="settings file")
    serving.add_argument("--beneath", type=Path, help="settings file that counts where --config says nothing")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=0, help="default: a free one")
    serving.add_argument(
        "--host-name", action="append", default=[], help="answer this Host header too, for a proxy before it"
    )
    stopping = commands.add_parser("stop", help="stop the server of a state folder")
    stopping.add_argument("--jobs", action="store_true", help="and the builds that run")
    for command in (serving, stopping):
        command.add_argument("--state", type=Path, default=Path(".boatyard"), help="default: .boatyard")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
