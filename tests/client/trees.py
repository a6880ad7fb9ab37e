"""Small file trees for the packer's tests."""

import os
from pathlib import Path
from typing import TypeAlias

Tree: TypeAlias = dict[str, "bytes | Tree"]
"""Name -> a file's bytes, or a folder. A name that ends with * is executable."""


def make(folder: Path, tree: Tree, *, backwards: bool = False, umask: int = 0o022) -> Path:
    before = os.umask(umask)
    try:
        _make(folder, tree, backwards)
    finally:
        os.umask(before)
    return folder


def _make(folder: Path, tree: Tree, backwards: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in sorted(tree.items(), reverse=backwards):
        path = folder / name.removesuffix("*")
        if isinstance(content, dict):
            _make(path, content, backwards)
        else:
            path.write_bytes(content)
            if name.endswith("*"):
                path.chmod(path.stat().st_mode | 0o100)
