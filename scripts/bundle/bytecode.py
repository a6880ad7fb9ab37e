"""Byte code beside the sources, the same from the same sources.

It is of the Python that makes it, so this runs as a program of the Python that the bundle is for; it imports the
standard library only, and runs on each that Boatyard supports.
"""

import importlib.util
import marshal
import subprocess
import sys
from pathlib import Path


def compile_all(stage: Path, *, root: str, interpreter: Path) -> None:
    """`root` is where the files will lie: it is in every traceback. Where that is read-only, as /var/task is, every
    cold start would else compile all."""
    subprocess.run([interpreter, "-I", __file__, stage, root], check=True)


def write(stage: Path, root: str) -> None:
    """Unchecked, so that no time is in it (PEP 552). A first load evens out what marshal leaves to chance."""
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
