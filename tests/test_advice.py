"""Advice can be followed: everything that it names exists, and a test covers each code with advice."""

import re
from pathlib import Path

import click
import pytest

from boatyard.api.operations import OPERATIONS
from boatyard.errors import CODES
from boatyard.settings import Limits
from boatyard_client.cli.root import main

ROOT = Path(__file__).parent.parent


def texts(*folders: str) -> str:
    """All Python below the folders, but for the table of codes and this file."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return "\n".join(
        path.read_text(encoding="utf-8") for path in paths if path.name not in ("errors.py", Path(__file__).name)
    )


@pytest.mark.parametrize("folders", [("core", "adapters"), ("tests",)], ids=["raised", "tested"])
def test_every_code_is_raised_somewhere_and_met_by_a_test(folders: tuple[str, ...]) -> None:
    found = set(re.findall(r'"([A-Z_]+)"|\bCode\.([A-Z_]+)', texts(*folders)))
    assert CODES.keys() - {name for names in found for name in names} == set()


COMMANDS = sorted(
    {command for meaning in CODES.values() for command in re.findall(r"`boatyard ([^`]+)`", meaning.advice)}
)


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_in_advice_exist(words: str) -> None:
    command: click.Command = main
    context = click.Context(command)
    for word in words.split():
        if word.startswith("--"):
            assert word in {option for parameter in command.params for option in parameter.opts}
        else:
            assert isinstance(command, click.Group)
            found = command.get_command(context, word)
            assert found is not None, word
            command = found


def test_operations_and_settings_in_advice_exist() -> None:
    advice = "\n".join(meaning.advice for meaning in CODES.values())
    known = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    named = re.findall(r"\b((?:GET|POST|PUT) /v1/[\w/{}]+)", advice)
    assert named and set(named) <= known
    camel = {re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in Limits.__struct_fields__}
    assert set(re.findall(r"\b[a-z]+(?:[A-Z][a-z]+)+\b", advice)) <= camel
