"""Prepares the folder that becomes an archive: this checkout's packages and their dependencies, without unneeded
files."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from contents import FunctionApp


def copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi"))


def prune(stage: Path, unused: Iterable[str]) -> None:
    for name in unused:
        for path in stage.glob(name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in sorted(stage.rglob("*"), reverse=True):
        in_info = path.parent.suffix == ".dist-info"
        if path.is_dir() and (path.name in ("__pycache__", "tests", "test") or in_info):
            shutil.rmtree(path)
        elif path.is_file() and (path.suffix in (".pyi", ".pyc", ".c", ".h") or (in_info and path.name != "METADATA")):
            path.unlink()
        elif path.name in (".lock", "pyvenv.cfg"):
            path.unlink(missing_ok=True)


def merge(stage: Path, other: Path) -> None:
    """Adds another platform's files: the names of compiled modules contain their platform. Raises ValueError if a
    common file differs."""
    for path in sorted(path for path in other.rglob("*") if path.is_file()):
        target = stage / path.relative_to(other)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        elif target.read_bytes() != path.read_bytes():
            raise ValueError(f"{path.relative_to(other)} differs between platforms: one archive cannot hold both")


def lay_out(stage: Path, adapter: Path, app: FunctionApp) -> Path:
    """The folder of a platform that wants the packages beside files of its own."""
    whole = stage.with_name("app")
    copy(adapter / app.files, whole)
    packages = whole / app.packages
    packages.parent.mkdir(parents=True)
    stage.rename(packages)
    return whole


def size(stage: Path) -> int:
    """The bytes of all files."""
    return sum(path.stat().st_size for path in stage.rglob("*") if path.is_file())
