"""The editable dependencies of a uv project, found as flyte finds them: by `uv export`."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from boatyard.errors import invalid

_EDITABLE = re.compile(r"^-e\s+(\S+)", re.MULTILINE)
_MINUTES = 5
_TAIL = 12


def editables_of(folder: Path) -> list[Path]:
    """Folders of the editable dependencies, sorted. The project is left as it was.

    flyte lets `uv export` resolve and write uv.lock into the user's project. Here an existing lock is read
    as it is, and one that had to be made is removed again: the next build would otherwise see a lock, and
    have another key.
    """
    lock = folder / "uv.lock"
    if lock.is_file():
        listing = _export(folder, "--frozen")
    elif _has_sources(folder / "pyproject.toml"):
        try:
            listing = _export(folder)
        finally:
            lock.unlink(missing_ok=True)
    else:
        return []
    found = {Path(name) if Path(name).is_absolute() else folder / name for name in _EDITABLE.findall(listing)}
    return sorted(found)


def _has_sources(pyproject: Path) -> bool:
    """Whether the project can have editable dependencies at all; asking uv takes a second and the network."""
    try:
        uv = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}).get("uv", {})
    except (OSError, ValueError) as error:
        raise invalid(f"with_uv_project: {pyproject.name!r} cannot be read: {error}") from None
    return bool({"sources", "workspace"} & set(uv))


def _export(folder: Path, *arguments: str) -> str:
    command = [_uv(), "export", "--no-emit-project", "--no-hashes", "--no-header", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_MINUTES * 60)
    except subprocess.TimeoutExpired:
        raise invalid(f"with_uv_project: `uv export` took more than {_MINUTES} minutes") from None
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_TAIL:])
        raise invalid(f"with_uv_project: `uv export` fails in {folder.name!r}; run `uv lock` there.\n{tail}")
    return done.stdout


def _uv() -> str:
    """uv of the PATH, else the one installed beside this Python."""
    beside = Path(sys.executable).parent / "uv"
    found = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise invalid("with_uv_project: uv is not installed here; it finds the project's editable dependencies")
    return found
