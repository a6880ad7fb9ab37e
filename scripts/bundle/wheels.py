"""Installs a lock's pinned wheels for another platform."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PLATFORMS: Final = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}


def install(
    stage: Path,
    pinned: Path,
    *,
    architecture: str,
    python: str,
    given: frozenset[str] = frozenset(),
) -> None:
    """Installs a lock for one Python and architecture, without the `given` distributions."""
    wanted = stage.with_name("wanted.txt")
    wanted.write_text("".join(_without(pinned.read_text(), given)))
    subprocess.run(
        [
            *(str(Path(sys.prefix) / "bin" / "uv"), "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:", "--link-mode", "copy", "--target", str(stage)),
            *("--python", sys.executable, "--python-version", python),
            *("--python-platform", PLATFORMS[architecture], "-r", str(wanted)),
        ],
        check=True,
    )


def names(pinned: Path) -> frozenset[str]:
    """The names of a lock's distributions."""
    return frozenset(line.split("==")[0].strip() for line in pinned.read_text().splitlines() if _begins(line))


def _begins(line: str) -> bool:
    return bool(line.strip()) and not line[0].isspace() and not line.startswith("#")


def _without(text: str, unwanted: frozenset[str]) -> Iterator[str]:
    """A lock's lines without some distributions, whose hashes are on the indented lines after their names."""
    kept = True
    for line in text.splitlines(keepends=True):
        if _begins(line):
            kept = line.split("==")[0].strip() not in unwanted
        if kept:
            yield line
