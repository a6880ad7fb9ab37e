"""Imports a user's Python file as a module."""

import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from boatyard_client.errors import InputError


def load_module(path: Path) -> ModuleType:
    """Imports the file, with its folder first on sys.path. Raises InputError if it fails."""
    absolute = path.resolve()
    name = _name(absolute)
    spec = importlib.util.spec_from_file_location(name, absolute)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(absolute.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(f"{path} {_what(error, absolute)}") from error
    return module


def _name(path: Path) -> str:
    """The file's own name, unless a module has that name: a user's json.py must not replace the standard json."""
    name = path.stem
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    return name


@contextlib.contextmanager
def output_on_stderr() -> Iterator[None]:
    """Redirects standard output to standard error inside the block, child processes included."""
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            kept = os.dup(1)
            stack.callback(os.close, kept)
            if sys.__stdout__:
                sys.__stdout__.flush()
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
        yield


def _what(error: BaseException, path: Path) -> str:
    """`raised ValueError in line 3: …`, with the line of the file itself."""
    if isinstance(error, SystemExit):
        return f"ended with exit code {error.code} while it was loaded"
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"is not valid Python: {error.msg} (line {error.lineno})"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    place = f" in line {lines[-1]}" if lines else ""
    text = " ".join(str(error).split())
    return f"raised {type(error).__name__}{place}: {text}" if text else f"raised {type(error).__name__}{place}"
