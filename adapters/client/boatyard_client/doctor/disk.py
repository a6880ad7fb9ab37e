"""Checks the disk space for builds and contexts."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from boatyard.finding import Finding, fail, ok, warn
from boatyard_client.display.text import size

_COMFORTABLE: Final = 10 * 1000**3
_TOO_LITTLE: Final = 1000**3


def check(files: list[Path]) -> Finding:
    """Checks the embedded server's folder, and the folder for archives."""
    state = next((path.parent for path in files if path.parent.name == ".boatyard"), Path.cwd())
    return _least([state, Path(tempfile.gettempdir())])


def temporary() -> Finding:
    return _least([Path(tempfile.gettempdir())])


def _least(folders: list[Path]) -> Finding:
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    detail = f"{size(free)} free in {folder}"
    if free < _TOO_LITTLE:
        return fail("disk", detail, "Free some space; a build needs several GB.")
    if free < _COMFORTABLE:
        return warn("disk", detail, "Large images need more; free some space.")
    return ok("disk", detail)
