"""Tiny wheels, and an image's file system in memory."""

import base64
import hashlib
import io
import marshal
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from boatyard_layers import zstd

Tree = dict[str, tuple[str, int, bytes]]
"""Kind, mode and contents by path."""


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str] | None = None,
    *,
    requires: tuple[str, ...] = (),
    extras: Mapping[str, str] | None = None,
    scripts: str = "",
    tag: str = "py3-none-any",
) -> Path:
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {each}" for each in requires]
    for extra, requirement in (extras or {}).items():
        metadata += [f"Provides-Extra: {extra}", f"Requires-Dist: {requirement}; extra == '{extra}'"]
    contents = dict(files if files is not None else {f"{name}/__init__.py": f"version = {version!r}\n"})
    contents[f"{info}/METADATA"] = "\n".join(metadata) + "\n"
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if scripts:
        contents[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n"
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in contents.items()]
    contents[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in contents.items():
            member = zipfile.ZipInfo(each)
            member.external_attr = (0o755 if "/scripts/" in each or each.endswith(".sh") else 0o644) << 16
            archive.writestr(member, text)
    return path


def sdist(folder: Path, name: str, version: str) -> Path:
    """A source distribution whose build backend leaves a trace if it runs."""
    path = folder / f"{name}-{version}.tar.gz"
    project = (
        f'[project]\nname = "{name}"\nversion = "{version}"\ndynamic = ["dependencies"]\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    backend = f"open({str(folder / 'it-ran')!r}, 'w').close()\n"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in (("pyproject.toml", project), ("backend.py", backend)):
            member = tarfile.TarInfo(f"{name}-{version}/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def tree(folder: Path) -> Tree:
    """What is below a folder, by absolute path."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = ("symlink", 0o777, str(path.readlink()).encode())
        elif path.is_dir():
            found[str(path)] = ("directory", path.stat().st_mode & 0o777, b"")
        else:
            found[str(path)] = ("file", path.stat().st_mode & 0o777, path.read_bytes())
    return found


def compared(view: Tree) -> Tree:
    """Without what else refers to an object of byte code: with uv, that depends on what it compiled before."""
    return {path: (kind, mode, _code(path, data)) for path, (kind, mode, data) in view.items()}


def _code(path: str, data: bytes) -> bytes:
    try:
        return data[:16] + marshal.dumps(marshal.loads(data[16:]), 2) if path.endswith(".pyc") else data  # noqa: S302
    except (EOFError, ValueError, TypeError):
        return data  # a wheel's own


def apply(view: Tree, layer: Path) -> None:
    """Puts a layer onto a file system."""
    with layer.open("rb") as file:
        data = zstd.reader(file).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            path = f"/{member.name}"
            above, _, name = path.rpartition("/")
            if name.startswith(".wh."):
                gone = f"{above}/{name.removeprefix('.wh.')}"
                assert gone in view, f"{gone} was not there"
                for each in [each for each in view if each == gone or each.startswith(f"{gone}/")]:
                    del view[each]
                continue
            assert (member.uid, member.gid, member.mtime) == (0, 0, 315_532_800)
            stream = archive.extractfile(member) if member.isfile() else None
            assert above in view or above == "", f"{above} is no folder of the image"
            kind = "directory" if member.isdir() else "file"
            view[path] = (kind, member.mode, stream.read() if stream else b"")


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
