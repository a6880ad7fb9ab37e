"""Compiles sources with the image's own interpreter, as `uv pip install --compile-bytecode` does in the image: byte
code that is checked by the source's hash (PEP 552), with the paths of the image. No source is executed."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter

_SECONDS: Final = 1_200
_FEW: Final = 32
"""Files that are not worth a second process."""
_SCRIPT: Final = """\
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import importlib.util, json, py_compile
for source, name in json.load(sys.stdin):
    target = importlib.util.cache_from_source(source)
    try:
        py_compile.compile(source, cfile=target, dfile=name, doraise=True, quiet=2,
                           invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    except (py_compile.PyCompileError, SyntaxError, UnicodeDecodeError, ValueError, RecursionError, MemoryError):
        pass
"""
"""Sources that do not compile have no byte code, as with compileall."""


def compile_sources(sources: Sequence[tuple[Path, str]], interpreter: Interpreter, processes: int = 0) -> None:
    """Writes the byte code beside each source; `sources` has their paths here and in the image."""
    if not sources:
        return
    count = 1 if len(sources) <= _FEW else processes or os.cpu_count() or 1
    ordered = sorted(sources, key=lambda each: each[0].stat().st_size)
    running: list[tuple[subprocess.Popen[bytes], bytes]] = []
    try:
        for number in range(count):
            rows = [[str(path), name] for path, name in ordered[number::count]]
            process = subprocess.Popen(
                [*interpreter.command, "-s", "-S", "-B", "-c", _SCRIPT],
                env={**interpreter.environment, "PYTHONHASHSEED": "0"},
                umask=0o022,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running.append((process, msgspec.json.encode(rows)))
        for process, data in running:
            if process.stdin:
                process.stdin.write(data)
                process.stdin.close()
        for process, _ in running:
            if process.wait(_SECONDS):
                raise NotExact("the image's interpreter cannot compile byte code here")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotExact(f"the image's interpreter does not run here: {type(error).__name__}") from None
    finally:
        for process, _ in running:
            if process.poll() is None:
                process.kill()
                process.wait()
