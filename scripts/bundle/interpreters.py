"""Finds the Pythons that Boatyard supports on this machine. As a program, it prints them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

SUPPORTED: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The versions that flyte's SDK supports (`requires-python`, and the classifiers of flyte 2.12)."""
OWN: Final = f"{sys.version_info[0]}.{sys.version_info[1]}"
_UV: Final = Path(sys.prefix) / "bin" / "uv"


def find(version: str) -> Path | None:
    """Finds an interpreter of that version: the current one, one installed beside it, in PATH, or by uv.

    Downloads nothing. pyenv keeps each version in its own folder, and only the selected ones work in PATH.
    """
    if version == OWN:
        return Path(sys.executable)
    beside = [str(folder) for folder in sorted(Path(sys.base_prefix).parent.glob("*/bin"))]
    found = subprocess.run(
        [_UV, "python", "find", "--no-config", "--no-project", "--no-python-downloads", "--system", version],
        env={**os.environ, "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), *beside])},
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def main() -> None:
    print("Boatyard runs on these Pythons; all its unit tests run on the oldest that is here, some on newer ones:")
    for version in SUPPORTED:
        print(f"  {version:<6}{find(version) or 'not on this machine'}")


if __name__ == "__main__":
    main()
