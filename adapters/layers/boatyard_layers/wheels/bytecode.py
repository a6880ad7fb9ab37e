"""Compiles sources with the image's own interpreter, as `uv pip install --compile-bytecode` does in the image: byte
code that is checked by the source's hash (PEP 552), with the paths of the image. No source is executed.

The interpreter can read the sources and change nothing. It writes all byte code, in the sources' order, into one file
that was opened for it. This process gives each its place, so the names are not the interpreter's. From there it goes
into the layer: no file of a wheel, which may be a link into uv's cache, is changed.
"""

import contextlib
import os
import struct
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec

from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter
from boatyard_layers.pack import FilePart

_SECONDS: Final = 1_200
_FEW: Final = 32
"""Files that are not worth a second process."""
_SIZE: Final = struct.Struct("<q")
_NONE: Final = -1
"""The size for a source that does not compile: it has no byte code, as with compileall."""
_CHECKED_HASH: Final = b"\x03\0\0\0"
_LEAST: Final = 64 * 1024
_TIMES: Final = 24
"""Byte code that is larger than this many times its source, and `_LEAST`, is no byte code."""
_SCRIPT: Final = """\
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import importlib.util, json, marshal, struct, types
# Python has one object for each of these, and marshal writes whether somebody made it a name.
letters = [sys.intern(chr(number)) for number in range(256)]
start = importlib.util.MAGIC_NUMBER + bytes([3, 0, 0, 0])
def pieces(value, found):
    # marshal writes an object that something else refers to in another way than one that nothing else does. What
    # else refers to a string depends on what this process compiled before. So something refers to all of them.
    if isinstance(value, types.CodeType):
        found += [value.co_name, value.co_filename, getattr(value, "co_qualname", "")]
        for part in (value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars, value.co_consts):
            pieces(part, found)
    elif isinstance(value, (str, bytes)):
        found.append(value)
    elif isinstance(value, (tuple, frozenset)):
        for each in value:
            pieces(each, found)
for source, name in json.load(sys.stdin):
    try:
        with open(source, "rb") as file:
            data = file.read()
        code = compile(data, name, "exec", dont_inherit=True)
        found = []
        pieces(code, found)
        data = start + importlib.util.source_hash(data) + marshal.dumps(code)
        del code, found
    except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError, MemoryError):
        sys.stdout.buffer.write(struct.pack("<q", -1))
    else:
        sys.stdout.buffer.write(struct.pack("<q", len(data)) + data)
"""


class _Source(msgspec.Struct, frozen=True):
    path: Path
    name: str
    """In the image."""
    size: int
    mode: int

    @property
    def largest(self) -> int:
        """What its byte code may have."""
        return max(_LEAST, _TIMES * self.size)


class ByteCode(msgspec.Struct, frozen=True):
    part: FilePart
    mode: int
    """That py_compile gives the file."""


def compile_sources(
    sources: Sequence[tuple[Path, str]], interpreter: Interpreter, folder: Path, processes: int = 0
) -> dict[Path, ByteCode]:
    """The byte code of each source that compiles; `sources` has their paths here and in the image.

    It stays in a few files in `folder`: to create a file for each takes longer than to compile it, on some machines.
    """
    if not sources:
        return {}
    count = 1 if len(sources) <= _FEW else processes or os.cpu_count() or 1
    found = [(path, name, os.stat(path)) for path, name in sources]  # noqa: PTH116 - half the time of Path
    ordered = sorted(
        (_Source(path, name, stat.st_size, stat.st_mode) for path, name, stat in found),
        key=lambda source: (source.size, source.path),
    )
    shares = [ordered[number::count] for number in range(count)]
    readable = Path(os.path.commonpath([path.parent for path, _ in sources]))
    deadline = time.monotonic() + _SECONDS
    made: dict[Path, ByteCode] = {}
    try:
        with contextlib.ExitStack() as stack:
            outputs = [stack.enter_context((folder / f"code-{number}").open("w+b")) for number in range(count)]
            programs = []
            for share, output in zip(shares, outputs, strict=True):
                rows = stack.enter_context(tempfile.TemporaryFile())
                rows.write(msgspec.json.encode([[str(source.path), source.name] for source in share]))
                rows.seek(0)
                most = sum(_SIZE.size + source.largest for source in share)
                programs.append(stack.enter_context(interpreter.running(_SCRIPT, rows, output, most, (readable,))))
            for program in programs:
                if code := program.wait(max(deadline - time.monotonic(), 0), interpreter.check):
                    raise NotExact(f"the image's interpreter cannot compile byte code here (exit code {code})")
            for share, output in zip(shares, outputs, strict=True):
                output.seek(0)
                for source in share:
                    if (part := _read(output, source.largest)) is not None:
                        made[source.path] = ByteCode(part=part, mode=(source.mode | 0o200) & 0o644)
    except OSError as error:
        raise NotExact(f"the image's interpreter does not run here: {type(error).__name__}") from None
    return made


def byte_code_of(source: str, interpreter: Interpreter) -> str:
    """Where the byte code of a source is."""
    folder, _, name = source.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py') or 'py'}.cpython-{interpreter.minor.replace('.', '')}.pyc"


def _read(output: IO[bytes], most: int) -> FilePart | None:
    """Where the next byte code is. Raises NotExact if it is none."""
    header = output.read(_SIZE.size)
    size = _SIZE.unpack(header)[0] if len(header) == _SIZE.size else most + 1
    if size == _NONE:
        return None
    offset = output.tell()
    data = output.read(size) if 0 <= size <= most else b""
    if len(data) != size or data[4:8] != _CHECKED_HASH:
        raise NotExact("what the image's interpreter compiled is no byte code")
    return FilePart(Path(output.name), offset, size)
