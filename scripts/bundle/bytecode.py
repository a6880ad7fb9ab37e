"""Writes reproducible byte code beside the sources.

Byte code belongs to the Python that makes it, so this module runs as a program of the bundle's Python; it imports only
the standard library, and runs on every version that Boatyard supports.
"""

import importlib.util
import marshal
import subprocess
import sys
from pathlib import Path


def compile_all(stage: Path, *, root: str, interpreter: Path) -> None:
    """Compiles all modules. `root` is the folder at run time, which appears in tracebacks. If that folder is read-only,
    as /var/task is, every cold start would otherwise compile all modules."""
    subprocess.run([interpreter, "-I", __file__, stage, root], check=True)


def write(stage: Path, root: str) -> None:
    """Unchecked, so that it contains no time (PEP 552). Loading it once before removes random differences of
    marshal."""
    for path in sorted(stage.rglob("*.py")):
        name = path.relative_to(stage)
        source = path.read_bytes()
        code = compile(source, f"{root}/{name}", "exec", dont_inherit=True, optimize=0)
        flags, check = (1).to_bytes(4, "little"), importlib.util.source_hash(source)
        cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        cached.parent.mkdir(exist_ok=True)
        even = marshal.dumps(marshal.loads(marshal.dumps(code)))  # noqa: S302 - what was made one call before
        cached.write_bytes(importlib.util.MAGIC_NUMBER + flags + check + even)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
