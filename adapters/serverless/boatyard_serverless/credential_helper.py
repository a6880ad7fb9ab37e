"""A Docker credential helper that creates registry credentials inside the job when BuildKit requests them.

Docker's protocol (https://github.com/docker/docker-credential-helpers): the verb is the argument; input and output are
on stdin and stdout. Nothing is stored: a token of the job's own identity outlasts the build.

    {"credHelpers": {"REGISTRY": "boatyard-…"}}
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from boatyard.errors import BoatyardError

NOT_FOUND: Final = "credentials not found in native keychain"
"""Docker recognizes this sentence and continues without credentials."""


class RegistryLogin(NamedTuple):
    username: str
    password: str


Mint = Callable[[str], RegistryLogin | None]
"""Returns the login for a registry's host and port, or None for a registry that is not the cloud's own. Raises
BoatyardError."""


def answer(mint: Mint, arguments: Sequence[str], stdin: TextIO, stdout: TextIO) -> int:
    """Answers one verb and returns the exit code. Errors go to stdout, where Docker reads them."""
    match arguments:
        case ["get"]:
            return _get(mint, stdin.read().strip(), stdout)
        case ["store" | "erase"]:
            stdin.read()  # nothing is stored
            return 0
        case ["list"]:
            stdout.write("{}")
            return 0
    stdout.write("the verb is one of get, store, erase, list")
    return 1


def _get(mint: Mint, server: str, stdout: TextIO) -> int:
    try:
        login = mint(server.removeprefix("https://").partition("/")[0])
    except BoatyardError as error:
        stdout.write(error.detail)
        return 1
    if login is None:
        stdout.write(NOT_FOUND)
        return 1
    stdout.write(json.dumps({"ServerURL": server, "Username": login.username, "Secret": login.password}))
    return 0


def with_helper(program: str, module: str, folder: Path) -> dict[str, str]:
    """The environment of this process, with a `program` in PATH that runs `python -m module`.

    If the program is not installed, it is written to `folder`: an archive contains no programs, and unpacking it may
    not keep file modes. Docker starts the program in any folder, so the program sets PYTHONPATH itself.
    """
    if shutil.which(program):
        return dict(os.environ)
    code = str(Path(__file__).parent.parent)
    folder.mkdir(mode=0o700)
    paths = os.pathsep.join(filter(None, (code, os.environ.get("PYTHONPATH"))))
    made = folder / program
    made.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(paths)} exec {shlex.quote(sys.executable)} -m {module} "$@"\n')
    made.chmod(0o700)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
