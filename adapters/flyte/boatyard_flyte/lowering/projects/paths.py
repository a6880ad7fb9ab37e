"""Resolves references to local files: `file:` URLs and paths."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

ARCHIVES: Final = (
    ".whl",
    ".tar.gz",
    ".zip",
    ".tar.bz2",
    ".tar.xz",
    ".tgz",
    ".tbz",
    ".txz",
    ".tar",
    ".tar.zst",
    ".tar.lz",
)
"""File name extensions of wheels and source distributions."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\\)")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def normal(path: Path | str) -> Path:
    """The absolute path without `..`. Links are not resolved, as in uv."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def is_remote(reference: str) -> bool:
    """True for URLs of any scheme but `file:`."""
    return bool(_SCHEME.match(reference)) and not reference.lower().startswith("file:")


def is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def local_path(reference: str, start: Path, *, root: Path | None = None) -> Path | None:
    """The path of `file:///x`, `file:../x`, `../x` or `/x`, relative to `start`; None for a URL of another scheme.

    `${PROJECT_ROOT}` and hatch's `{root:uri}` expand to `root`.
    """
    root = root or start
    text = reference.replace("${PROJECT_ROOT}", str(root))
    for name, folder in (("{root:parent:uri}", root.parent), ("{root:uri}", root), ("{root}", root)):
        text = text.replace(name, f"file://{folder}" if name.endswith("uri}") else str(folder))
    if is_remote(text):
        return None
    if text.lower().startswith("file:"):
        parts = urlsplit(text)
        host = (
            "" if parts.netloc in ("", "localhost") else parts.netloc
        )  # pip's users write `file://./x` and `file://x`
        text = unquote(host + parts.path)
    return normal(start / Path(text.partition("#")[0] or ".").expanduser())


def expand(text: str) -> str:
    """Expands `${NAME}` from this machine's environment, as uv and pip do; unset names stay."""
    return _VARIABLE.sub(lambda found: os.environ.get(found[1], found[0]), text)
