"""The command as a process: help, exit codes, broken pipes, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from boatyard_client.cli import root
from tests.client.commands import boatyard

COMMANDS = ["serve", "plan", "diff", "lock", "build", "builds", "logs", "cancel", "secret", "prune", "doctor", "config"]
BOATYARD = [sys.executable, "-m", "boatyard_client"]


def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*BOATYARD, *arguments], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys\nfrom boatyard_client.cli import main\n"
        "try: main(['-h'], prog_name='boatyard')\nexcept SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('httpx', 'rich', 'msgspec', 'flyte')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n") and all(f"\n  {name} " in done.stdout for name in COMMANDS)


def test_help_is_quick() -> None:
    """By the process's own CPU time: a busy machine takes longer, and says nothing about the command."""
    spent = []
    for _ in range(3):
        before = os.times()
        assert run("--help").returncode == 0
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(spent) < 1.0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    done = boatyard(command, "-h")
    assert done.code == 0 and done.out.startswith(f"Usage: boatyard {command}")
    if command not in ("secret", "config"):
        assert "--json" in done.out
    assert root._COMMANDS[command]


def test_version() -> None:
    done = boatyard("--version")
    assert done.code == 0 and done.out.startswith("boatyard ")


def test_alone_it_shows_its_help() -> None:
    done = boatyard()
    assert done.code == 0 and "Commands:" in done.out and done.err == ""


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["plan"], ["plan", "a", "b"], ["build", "--nope"], ["builds", "--limit", "0"]]
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(arguments: list[str]) -> None:
    done = boatyard(*arguments)
    assert done.code == 2 and done.out == "" and done.err.count("\n") == 1 and "--help" in done.err
    as_json = boatyard(*arguments, "--json")
    assert as_json.code == 2 and as_json.json()["error"]["code"] == "USAGE"


def test_what_is_unforeseen_has_no_traceback_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("boatyard_client.endpoint.find_endpoint", broken)
    done = boatyard("config", "show")
    assert done.code == 1 and done.err == (
        "boatyard: unforeseen: RuntimeError: two lines. BOATYARD_DEBUG=1 shows where it came from.\n"
    )
    assert boatyard("config", "show", "--json").json()["error"]["code"] == "UNFORESEEN"
    monkeypatch.setenv("BOATYARD_DEBUG", "1")
    assert "Traceback" in boatyard("config", "show").err


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*BOATYARD, "config", "show", "--json"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 1 and done.stderr == b""


def test_an_error_as_json_is_all_there_is_on_standard_output(folder: Path) -> None:
    done = run("plan", "nowhere.json", "--json", cwd=folder)
    assert done.returncode == 1 and done.stderr == "" and done.stdout.startswith('{"error":{"code":"INPUT"')


def test_the_installed_command_is_this_one() -> None:
    from importlib.metadata import entry_points

    points = {point.name: point.value for point in entry_points(group="console_scripts")}
    assert points["boatyard"] == "boatyard_client.cli:main"
