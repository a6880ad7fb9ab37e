"""Downloads the static uv for images, one binary for each platform, from its wheels on the package index.

The images that contain it (ghcr.io/astral-sh/uv) cannot be pulled everywhere; wheels can.
"""

import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.model import EngineError

LOCK: Final = Path(__file__).with_name("uv-image.txt")
"""Pinned with hashes by `make lock`, from requirements/uv-image.in."""

# musllinux wheels contain a statically linked binary, which runs on any Linux.
_WHEELS: Final = {"amd64": "musllinux_1_1_x86_64", "arm64": "musllinux_1_1_aarch64"}


def version() -> str:
    found = re.search(r"^uv==(\S+)", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise EngineError(f"{LOCK} pins no uv: run `make lock`")
    return found[1]


def are_there(folder: Path) -> bool:
    try:
        recorded = (folder / "version").read_text()
    except OSError:
        return False
    return recorded == version() and all((folder / f"uv-{arch}").is_file() for arch in _WHEELS)


def fetch(folder: Path, commands: ChildProcesses) -> None:
    """Downloads uv-amd64 and uv-arm64 to `folder`; the file `version` is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = folder / "wheels"
    for arch, tag in _WHEELS.items():
        shutil.rmtree(wheels, ignore_errors=True)
        commands.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", LOCK),
                *("--platform", tag, "--dest", wheels),
            ],
            what=f"downloading uv {version()} for {arch}",
            log=f"uv-{arch}",
        )
        _extract(wheels, folder / f"uv-{arch}")
    shutil.rmtree(wheels)
    (folder / "version").write_text(version())


def _extract(wheels: Path, target: Path) -> None:
    found = list(wheels.glob("uv-*.whl"))
    if len(found) != 1:
        raise EngineError(f"{wheels} holds {len(found)} wheels of uv instead of one")
    with zipfile.ZipFile(found[0]) as wheel:
        member = next(name for name in wheel.namelist() if re.fullmatch(r"uv-[^/]+\.data/scripts/uv", name))
        partial = target.with_name(f"{target.name}.partial")
        with wheel.open(member) as source, partial.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    partial.chmod(0o755)
    partial.rename(target)
