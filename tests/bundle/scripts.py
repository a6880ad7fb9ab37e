"""Runs scripts/bundle, whose modules are not installed, in a process, as `make` does."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
SCRIPTS: Final = ROOT / "scripts" / "bundle"


def ask(code: str, *arguments: str) -> str:
    """Runs the code and returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=SCRIPTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused(code: str, *arguments: str) -> str:
    """Runs the code and returns the text of its ValueError."""
    return ask(f"import sys\ntry:\n    {code}\nexcept ValueError as error:\n    print(error)", *arguments)
