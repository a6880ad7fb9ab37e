"""Runs the `boatyard` command in this process."""

import json
from typing import Any, NamedTuple

from click.testing import CliRunner

from boatyard_client.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Parses standard output, which must be exactly one JSON value on one line."""
        assert self.out.endswith("\n") and self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def boatyard(*arguments: object, stdin: str | None = None) -> Done:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="boatyard")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)
