"""Wraps a stage as source code that a platform installs with pip and without an index.

The platform's buildpack installs requirements.txt from the folder `wheels`, makes the byte code and starts the
framework's own program. All of the stage is one wheel, which has the framework's name: the buildpack looks for that
name, and pip then resolves nothing. Packages are in a folder of the wheel, because a wheel may describe only one
distribution and some packages read their own version; a .pth file puts that folder on Python's path. `pip check`, which
ends the buildpack's installation, looks there too, so what is described is a name and a version without dependencies.
"""

import base64
import hashlib
import shutil
from pathlib import Path
from typing import Final

import archive
from contents import FunctionSource
from wheels import PLATFORMS

WHEELS: Final = "wheels"
BUILD_ENVIRONMENT: Final = {"GOOGLE_VENDOR_PIP_DEPENDENCIES": WHEELS}
"""What makes the buildpack install from the folder alone."""
_LABEL: Final = "boatyard"


def wrap(stage: Path, source: Path, wanted: FunctionSource, *, python: str, architecture: str) -> None:
    """Moves the stage into a new folder of source code."""
    project = wanted.framework.replace("-", "_")
    version = f"{_version(stage, project)}+{_LABEL}"
    source.mkdir()
    (source / "main.py").write_text(f"from {wanted.handler} import {', '.join(wanted.functions)}  # noqa: F401\n")
    (source / "requirements.txt").write_text(f"{wanted.framework}=={version}\n")
    minor = f"cp{python.replace('.', '')}"
    tag = f"{minor}-{minor}-{_platform(architecture)}"
    contents = source.with_name("wheel")
    folder = contents / f"{_LABEL}_function"
    shutil.copytree(stage, folder)
    shutil.rmtree(next(folder.glob(f"{project}-*.dist-info")))
    for metadata in folder.glob("*.dist-info/METADATA"):
        name, version_of = metadata.parent.name.removesuffix(".dist-info").split("-")
        _describe(metadata, name, version_of)
    (contents / f"{_LABEL}.pth").write_text(f"{folder.name}\n")
    info = contents / f"{project}-{version}.dist-info"
    info.mkdir()
    _describe(info / "METADATA", wanted.framework, version)
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: {_LABEL}\nRoot-Is-Purelib: false\nTag: {tag}\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\n{wanted.framework} = {wanted.program}\n")
    _record(contents, info / "RECORD")
    archive.write(contents, source / WHEELS / f"{project}-{version}-{tag}.whl")


def _describe(metadata: Path, name: str, version: str) -> None:
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def _platform(architecture: str) -> str:
    machine, _, rest = PLATFORMS[architecture].partition("-")
    return f"{rest}_{machine}"


def _version(stage: Path, project: str) -> str:
    (metadata,) = stage.glob(f"{project}-*.dist-info/METADATA")
    return metadata.parent.name.removesuffix(".dist-info").removeprefix(f"{project}-")


def _record(contents: Path, record: Path) -> None:
    lines = []
    for path in sorted(path for path in contents.rglob("*") if path.is_file()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{path.relative_to(contents).as_posix()},sha256={digest},{path.stat().st_size}\n")
    record.write_text("".join([*lines, f"{record.relative_to(contents).as_posix()},,\n"]))
