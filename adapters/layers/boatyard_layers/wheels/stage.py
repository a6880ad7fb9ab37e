"""A stand-in for the image's virtual environment: what uv reads of it, without any of its code.

Its `python` is a script that answers uv's question about the interpreter, and nothing else. uv also runs build
backends with it, so no code of any package can run here, and none of the image.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from boatyard_layers.errors import NotExact
from boatyard_layers.interpreter import Interpreter
from boatyard_layers.inventory import Inventory, is_plain, join, parent
from boatyard_layers.wheels.answer import answer

REFUSAL: Final = "boatyard: no code of a package runs here"
UNKNOWN: Final = "boatyard: a question about the interpreter in other words"
_QUERY: Final = "from python.get_interpreter_info import main; main()"
_SHIM: Final = """\
#!/bin/sh
if [ $# -eq 4 ] && [ "$1 $2 $3" = "-I -B -c" ]; then
case "$4" in
*{newline}*) ;;
'import sys; sys.path = [__import__("os").fsdecode(b"'*'")] + sys.path; {query}')
while IFS= read -r line; do printf '%s\\n' "$line"; done <{answer}
exit 0 ;;
esac
fi
case "$*" in
*get_interpreter_info*) echo '{unknown}' >&2 ;;
*) echo '{refusal}' >&2 ;;
esac
exit 97
"""


_READ: Final = tuple(
    f".dist-info/{name}"
    for name in ("METADATA", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
)
"""What uv reads of a distribution that it keeps. What it removes is not removed here."""


class StageFolder:
    """A virtual environment at `folder`, whose paths in the image begin with `venv`."""

    def __init__(self, folder: Path, interpreter: Interpreter) -> None:
        self.folder = folder
        self.interpreter = interpreter
        self.python = folder / "bin" / "python"
        self.library = f"lib/python{interpreter.minor}"
        self.site = f"{self.library}/site-packages"

    def make(self, files: Mapping[str, bytes] | None = None) -> None:
        """Writes the environment; with the `*.dist-info` of `files`, which has contents by path in the image."""
        (self.folder / self.site).mkdir(parents=True)
        self.python.parent.mkdir()
        self.python.write_text(self._shim(), encoding="utf-8")
        self.python.chmod(0o755)
        config = f"home = {self.folder.parent / 'base' / 'bin'}\ninclude-system-site-packages = false\n"
        (self.folder / "pyvenv.cfg").write_text(config, encoding="utf-8")
        beginning = f"{self.interpreter.venv}/{self.site}/"
        for path, data in (files or {}).items():
            if path.startswith(beginning) and path.endswith(_READ) and is_plain(path):
                place = self.folder / self.site / path.removeprefix(beginning)
                try:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(data)
                except (FileExistsError, NotADirectoryError, IsADirectoryError):
                    raise NotExact("the environment's metadata has a file below a file") from None

    def _shim(self) -> str:
        base = self.folder.parent / "base"
        return shim(self.folder / "answer.json", answer(self.interpreter, self.folder, self.python, base))


def shim(path: Path, answer: bytes) -> str:
    """The script, whose answer is written to a path. It is in the words of a shell, which needs no program for them."""
    path.write_bytes(answer + b"\n")
    return _SHIM.format(newline="'\n'", query=_QUERY, answer=shlex.quote(str(path)), refusal=REFUSAL, unknown=UNKNOWN)


def check_environment(files: Mapping[str, bytes], inventory: Inventory, stage: StageFolder, workdir: str) -> None:
    """Raises NotExact for an environment that uv could see differently from here."""
    venv = stage.interpreter.venv
    site = f"{venv}/{stage.site}"
    config = files.get(f"{venv}/pyvenv.cfg")
    if config is None or site not in inventory:
        raise NotExact(f"the image has no environment of Python {stage.interpreter.version} at {venv}")
    if inventory.resolve(site) != site:
        raise NotExact("the environment is behind a link")
    for line in config.decode(errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "include-system-site-packages" and value.strip().lower() == "true":
            raise NotExact("the environment has the packages of another one, too")
    for path in inventory.children(site):
        if path.endswith((".egg-info", ".egg-link", ".egg")):
            raise NotExact("the environment has a distribution without *.dist-info")
        if path.endswith(".dist-info") and f"{path}/METADATA" not in files:
            raise NotExact("the environment has an incomplete *.dist-info")
    check_settings(inventory, workdir)


def check_settings(inventory: Inventory, workdir: str) -> None:
    """Raises NotExact if uv would find settings in the image."""
    settings = ["/etc/uv/uv.toml", "/etc/xdg/uv/uv.toml", "/root/.config/uv/uv.toml", "/root/.netrc"]
    folder = workdir
    while True:
        settings += [join(folder, "uv.toml"), join(folder, "pyproject.toml")]
        if folder == "/":
            break
        folder = parent(folder)
    for path in settings:
        if path in inventory:
            raise NotExact(f"the image has settings of uv, {path}")
