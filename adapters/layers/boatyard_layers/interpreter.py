"""An interpreter that is unpacked on this machine, for byte code and for uv's questions.

It is run by its own loader, so the machine needs no Python, and no C library that fits. It is a program of whoever made
the base: it runs in a sandbox, and what it answers is parsed as from outside.
"""

import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Final

import msgspec

from boatyard_layers.errors import NotExact
from boatyard_layers.sandbox.enter import FAILED
from boatyard_layers.sandbox.programs import Confined, Program, running

_SECONDS: Final = 30
_LONGEST_ANSWER: Final = 200
_MOST_SECONDS: Final = 1_200
"""Of a processor, for byte code."""
_ANSWER: Final = re.compile(
    r"(?P<version>3\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:a|b|rc)[0-9]{1,2})?)\+? (?P<tag>cpython-3[0-9]{1,2})"
    r" (?:(?P<libc>2\.[0-9]{1,3})(?:\.[0-9]{1,3})?|other) (?P<layout>usual|other)\n"
)
_QUESTION: Final = """\
import json, os, platform, py_compile, struct, sys, sysconfig
if struct.calcsize("P") != 8 or sysconfig.get_config_var("Py_GIL_DISABLED") or hasattr(sys, "gettotalrefcount"):
    sys.exit(3)
try:
    name, libc = os.confstr("CS_GNU_LIBC_VERSION").split()
except (ValueError, AttributeError):
    name, libc = "", ""
scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
at = {"base": "", "platbase": ""}
places = [sysconfig.get_path(place, scheme, at) for place in ("purelib", "platlib", "scripts")]
site = "/lib/python%d.%d/site-packages" % sys.version_info[:2]
standalone = sysconfig.get_config_var("prefix") == "/install" or sysconfig.get_config_var("PYTHON_BUILD_STANDALONE")
layout = "usual" if places == [site, site, "/bin"] and not standalone and sys.version_info >= (3, 10) else "other"
print(platform.python_version(), sys.implementation.cache_tag, libc if name == "glibc" else "other", layout)
"""
"""With the modules that byte code needs."""


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    folder: Path
    """An image root with the interpreter's parts."""
    loader: Path
    program: Path
    library_path: str
    home: Path
    python: str
    """The program's path in the image, with no link on the way."""
    version: str
    """`3.11.9`"""
    libc: str
    """Of glibc, `2_36`; empty for other C libraries."""
    usual: bool
    """Its environments have packages in `lib/python3.X/site-packages`, and uv makes them as for a Python of a
    distribution."""
    venv: str
    """The path of the environment in the image."""
    identity: str
    """Of its files. Empty if its image is trusted: byte code of all of these is the same."""
    check: Callable[[], None] = lambda: None
    """Called while it runs; raises if the job should end."""

    @property
    def minor(self) -> str:
        """`3.11`"""
        return ".".join(self.version.split(".")[:2])

    @property
    def command(self) -> list[str]:
        """Runs the program, with the arguments that follow and `environment`."""
        return [str(self.loader), "--library-path", self.library_path, str(self.program)]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PYTHONHOME": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C.UTF-8",
        }

    def running(
        self, script: str, stdin: IO[bytes] | None, stdout: IO[bytes], most: int, readable: Sequence[Path] = ()
    ) -> AbstractContextManager[Program]:
        """Runs a script that writes at most so many bytes to a file and reads what is below the folders."""
        return running(
            [*self.command, "-s", "-S", "-B", "-W", "ignore", "-c", script],
            environment=self.environment,
            folder=self.folder,
            stdin=stdin,
            stdout=stdout,
            confined=Confined(
                readable=(str(self.folder), *map(str, readable)),
                strict=bool(self.identity),
                output=most,
                seconds=_MOST_SECONDS,
            ),
        )


def asked(made: Interpreter) -> Interpreter:
    """With its version, its C library and its layout, which it says itself. Raises NotExact."""
    with tempfile.TemporaryFile() as output:
        try:
            with made.running(_QUESTION, None, output, _LONGEST_ANSWER) as program:
                code = program.wait(_SECONDS, made.check)
        except OSError as error:
            raise NotExact(f"the image's interpreter does not run here ({type(error).__name__})") from None
        output.seek(0)
        answer = _ANSWER.fullmatch(output.read(_LONGEST_ANSWER).decode("ascii", "replace"))
    if code == FAILED:
        raise NotExact("the image's interpreter cannot be confined here")
    if code or answer is None or answer["tag"] != f"cpython-{''.join(answer['version'].split('.')[:2])}":
        raise NotExact(f"the image's interpreter does not run here (exit code {code})")
    return msgspec.structs.replace(
        made,
        version=answer["version"],
        libc=(answer["libc"] or "").replace(".", "_"),
        usual=answer["layout"] == "usual",
    )
