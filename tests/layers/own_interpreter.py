"""This machine's Python as if it came from an image: one that nobody trusts."""

import os
import platform
import sys
from pathlib import Path

from boatyard_layers.interpreter import Interpreter
from boatyard_layers.model import VENV

_LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}


def own_interpreter(venv: str = VENV) -> Interpreter:
    program = Path(os.path.realpath(sys.executable))
    return Interpreter(
        folder=Path("/"),
        loader=Path(_LOADERS[platform.machine()]),
        program=program,
        library_path=f"{program.parent.parent}/lib",
        home=program.parent.parent,
        python=str(program),
        version=platform.python_version(),
        libc="_".join(os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2]),  # type: ignore[union-attr]
        usual=True,
        venv=venv,
        identity="this machine's",
    )
