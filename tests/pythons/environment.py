"""An environment of another Python with a flyte user's packages, kept in .boatyard/ until its inputs change."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
DISTRIBUTIONS: Final = (
    *("core", "adapters/buildkit", "adapters/client", "adapters/connect"),
    *("adapters/flyte", "adapters/kubernetes", "adapters/layers", "adapters/local", "adapters/registry"),
    "adapters/serverless",
)
_FOLDER: Final = ROOT / ".boatyard" / "pythons"
_PINNED: Final = ROOT / "requirements" / "pythons.txt"
_UV: Final = Path(sys.prefix) / "bin" / "uv"


def environment(version: str, interpreter: Path) -> Path:
    """Returns the environment's interpreter. Raises CalledProcessError if a distribution does not accept that
    Python."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    made = _FOLDER / version
    stamp = made / ".boatyard-stamp"
    with (_FOLDER / f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _inputs(interpreter)
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(made, ignore_errors=True)
            _make(made, interpreter)
            stamp.write_text(wanted)
    return made / "bin" / "python"


def _make(folder: Path, interpreter: Path) -> None:
    python = folder / "bin" / "python"
    install = (_UV, "pip", "install", "--quiet", "--python", python)
    editable = [option for name in DISTRIBUTIONS for option in ("-e", f"./{name}")]
    for command in (
        [_UV, "venv", "--quiet", "--no-project", "--python", interpreter, folder],
        [*install, "--require-hashes", "-r", _PINNED],
        [*install, "--no-deps", "--no-build-isolation", "--config-setting", "editable_mode=compat", *editable],
        [_UV, "pip", "check", "--quiet", "--python", python],
    ):
        subprocess.run(command, cwd=ROOT, check=True)


def _inputs(interpreter: Path) -> str:
    files = [_PINNED, Path(__file__), *(ROOT / name / "pyproject.toml" for name in DISTRIBUTIONS)]
    parts = [str(ROOT).encode(), str(interpreter.resolve()).encode(), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
