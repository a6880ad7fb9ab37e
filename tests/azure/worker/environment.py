"""An environment with the library of Azure's worker, kept in .boatyard/ until its lock changes.

The library needs Python 3.13: one of this machine, or Debian 13's.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from boatyard_local.engine.model import EngineError
from tests.azure.worker.debian_python import unpack
from tests.pythons.found import PYTHONS

ROOT: Final = Path(__file__).parent.parent.parent.parent
_FOLDER: Final = ROOT / ".boatyard" / "azure-worker"
_PINNED: Final = ROOT / "requirements" / "azure-worker.txt"
_UV: Final = Path(sys.prefix) / "bin" / "uv"
VERSION: Final = "3.13"


@cache
def worker_python() -> Path:
    """The environment's interpreter. Skips the test where no Python 3.13 is to be had."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        interpreter = PYTHONS[VERSION] or _from_debian()
        made = _FOLDER / "environment"
        stamp = made / ".boatyard-stamp"
        wanted = hashlib.sha256(_PINNED.read_bytes() + str(interpreter).encode()).hexdigest()
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(made, ignore_errors=True)
            python = made / "bin" / "python"
            for command in (
                (_UV, "venv", "--quiet", "--no-project", "--python", interpreter, made),
                (_UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", _PINNED),
            ):
                subprocess.run(command, cwd=ROOT, check=True)
            stamp.write_text(wanted)
    return made / "bin" / "python"


def _from_debian() -> Path:
    kept = _FOLDER / "python"
    program = kept / "root" / "usr" / "bin" / "python3.13"
    stamp = kept / ".boatyard-stamp"
    wanted = hashlib.sha256(Path(unpack.__code__.co_filename).read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return program
    try:
        found = unpack(kept)
    except EngineError as error:
        found = str(error)
    if isinstance(found, str):
        pytest.skip(f"Azure's worker needs Python {VERSION}, which is not here: {found}")
    stamp.write_text(wanted)
    return found
