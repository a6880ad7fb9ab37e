"""`boatyard`: selects the subcommand, and alone converts errors into lines and exit codes.

Exit codes: 0 success, 1 failure, 2 invalid command line (for `diff`: any error), 130 Ctrl-C. With `--json` an error is
`{"error": …}` on standard output. BOATYARD_DEBUG=1 prints an error's traceback.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

_COMMANDS: Final = {
    "serve": "Serve the API on this machine, with its BuildKit and a registry.",
    "plan": "Show what would be built: key, target, Dockerfile.",
    "diff": "Explain why two images have different keys, or versions.",
    "lock": "Show which versions of packages an image has.",
    "build": "Build an image, unless the registry has it.",
    "builds": "List builds, newest first.",
    "logs": "Show the log of a build.",
    "cancel": "Stop a build.",
    "secret": "Set, list and delete secrets of a project and domain.",
    "prune": "Remove old layers that were kept for later builds from a registry.",
    "doctor": "Check that images can be built, and advise what to fix.",
    "config": "Write or show the configuration.",
}
_INTERRUPTED: Final = 130


class Root(click.Group):
    """Imports a subcommand only to run it: `boatyard --help` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"boatyard_client.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> NoReturn:
        """Runs the command and exits. `standalone_mode` has no effect."""
        given = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        try:
            code = super().main(given, *rest, **options)
            sys.stdout.flush()
        except BrokenPipeError:
            # The output's reader has closed the pipe: write no more, not even by the interpreter's last flush.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
            sys.exit(1)
        except (KeyboardInterrupt, click.Abort) as error:
            _interrupted(error)
            sys.exit(_INTERRUPTED)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(0)
        except click.UsageError as error:
            from boatyard_client.cli.refusal import usage

            usage(error, given)
            sys.exit(2)
        except Exception as error:
            from boatyard_client.cli.refusal import refuse

            refuse(error, given)
            sys.exit(2 if given[:1] == ["diff"] else 1)
        sys.exit(code if isinstance(code, int) else 0)


def _interrupted(error: BaseException) -> None:
    from boatyard_client.errors import Interrupted

    # click converts KeyboardInterrupt to its own Abort.
    interruption = error.__cause__ or error
    if isinstance(interruption, Interrupted):
        click.echo(interruption.note, err=True)


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"boatyard {version('boatyard-client')}")
        ctx.exit()


@click.command(cls=Root, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version and exit."
)
def main() -> None:
    """Builds container images from Python specs.

    FILE is a flyte file (.py), a spec (.json, or - for standard input) or a Dockerfile. The service's address comes
    from --url, BOATYARD_URL, [client] of boatyard.toml, or `boatyard serve` in this folder.
    """
