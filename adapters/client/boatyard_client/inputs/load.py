"""Detects an input's format and reads it."""

import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from boatyard_client.errors import InputError
from boatyard_client.inputs.draft import PYTHON_FILES, Draft, InputOptions, PythonFiles

_FROM: Final = re.compile(r"^\s*FROM\s+\S", re.MULTILINE | re.IGNORECASE)
_DOCKERFILE: Final = re.compile(r"(^|[.])(dockerfile|containerfile)([.]|$)", re.IGNORECASE)
_LARGEST: Final = 4 * 1024 * 1024


def load(name: str, wanted: InputOptions) -> Draft:
    """The image that a file describes; `-` is a spec in JSON on standard input.

    A name with .py is a flyte file, with .json a spec; Dockerfile, X.Dockerfile and Dockerfile.X are Dockerfiles. The
    contents of other files decide. Raises InputError.
    """
    from boatyard_client.inputs.dockerfile import dockerfile
    from boatyard_client.inputs.spec_json import spec_json

    if name == "-":
        return spec_json(sys.stdin.read(), "standard input", wanted)
    path = Path(name)
    if path.suffix == ".py":
        _check_file(path)
        return _python_files(path).one(path, wanted)
    data = _read(path)
    if _DOCKERFILE.search(path.name) and path.suffix != ".json":
        return dockerfile(data, path, wanted)
    if path.suffix != ".json" and _FROM.search(data.decode("utf-8", "surrogateescape")):
        return dockerfile(data, path, wanted)
    text = _text(data, path)
    if path.suffix == ".json" or text.lstrip().startswith("{"):
        return spec_json(text, name, wanted)
    raise InputError(
        f"{name} is neither a flyte file (.py), nor a spec (.json), nor a Dockerfile",
        advice="Give it the name of its kind.",
    )


def load_all(name: str, wanted: InputOptions) -> list[Draft]:
    """All images that a file describes; only a flyte file can have several."""
    path = Path(name)
    if path.suffix != ".py":
        return [load(name, wanted)]
    _check_file(path)
    return _python_files(path).every(path, wanted)


def _python_files(path: Path) -> PythonFiles:
    for point in entry_points(group=PYTHON_FILES):
        try:
            found: PythonFiles = point.load()()
        except ImportError as error:
            raise InputError(" ".join(str(error).split())) from error
        return found
    raise InputError(f"{path} is a flyte file, and the plugin for flyte is not installed; pip install boatyard-flyte")


def _read(path: Path) -> bytes:
    _check_file(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is too large to be a spec or a Dockerfile")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; name the file in it that describes the image")
        if not path.exists():
            raise InputError(f"there is no file {path}")
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from None
