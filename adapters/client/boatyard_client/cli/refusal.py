"""Formats errors for users and programs."""

import os
import sys
import traceback
from typing import Any, Final

import click
import msgspec

from boatyard.build import Failure
from boatyard.errors import BoatyardError
from boatyard_client.display.text import printable
from boatyard_client.errors import ApiError, BuildFailedError, ClientError, MissingFileError

DEBUG_VARIABLE: Final = "BOATYARD_DEBUG"


def refuse(error: Exception, arguments: list[str]) -> None:
    """Prints one line on standard error, or with `--json` one object on standard output."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    if "--json" in arguments:
        sys.stdout.write(msgspec.json.encode({"error": describe(error)}).decode() + "\n")
        sys.stdout.flush()
    elif isinstance(error, BuildFailedError):
        from boatyard_client.display.failure import explain

        explain(error)
    else:
        click.echo(f"boatyard: {line(error)}", err=True)


def usage(error: click.UsageError, arguments: list[str]) -> None:
    """Prints what is wrong with the command line, and how to get help."""
    message = one_line(error.format_message())
    command = error.ctx.command_path if error.ctx else "boatyard"
    if "--json" in arguments:
        document = {"code": "USAGE", "detail": message, "advice": f"See {command} --help.", "retryable": False}
        sys.stdout.write(msgspec.json.encode({"error": document}).decode() + "\n")
    else:
        click.echo(f"{command}: {message} (see {command} --help)", err=True)


def line(error: Exception) -> str:
    """The error in one line: the problem, its code if useful, and advice."""
    match error:
        case ApiError() | BoatyardError():
            what = f"{error.code}: {error.detail}"
            if error.field and error.field not in error.detail:
                what += f" ({error.field})"
            advice = error.advice if isinstance(error, ApiError) else error.meaning.advice
        case MissingFileError():
            what, advice = f"{error.code}: {error.detail}", error.advice
        case ClientError():
            what, advice = error.detail, error.advice
        case click.ClickException():
            what, advice = error.format_message(), ""
        case _:
            what = f"unforeseen: {type(error).__name__}: {error}"
            advice = f"{DEBUG_VARIABLE}=1 shows where it came from."
    return one_line(f"{what.rstrip('.')}. {advice}" if advice else what)


def describe(error: Exception) -> dict[str, Any]:
    """The value of `error` in JSON, with the names of the API's problem documents."""
    match error:
        case BuildFailedError():
            return {"buildId": error.build.id, "state": error.build.state, **describe_failure(error.failure)}
        case ApiError():
            found: dict[str, Any] = {
                "code": error.code,
                "status": error.status,
                "detail": error.detail,
                "advice": error.advice,
                "retryable": error.retryable,
                "field": error.field,
                "layerIndex": error.layer_index,
                "logTail": error.log_tail,
                "missing": error.missing,
            }
        case BoatyardError():
            found = {
                "code": error.code,
                "detail": error.detail,
                "advice": error.meaning.advice,
                "retryable": error.meaning.retryable,
                "field": error.field,
                "layerIndex": error.layer_index,
                "missing": error.missing,
            }
        case ClientError():
            found = {
                "code": error.code,
                "detail": error.detail,
                "advice": error.advice,
                "retryable": error.retryable,
            }
        case _:
            found = {"code": "UNFORESEEN", "detail": line(error), "advice": "", "retryable": False}
    return {name: value for name, value in found.items() if value not in (None, ())}


def describe_failure(failure: Failure) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(failure)
    document["detail"] = document.pop("message")
    return {"retryable": False, **document}


def one_line(text: str) -> str:
    """Joins the text into one line without control characters, because parts of it come from other machines."""
    return printable(" ".join(text.split()))
