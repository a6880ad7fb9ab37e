"""All of `make test`: lints while the engine starts, then runs every test. Options go to pytest.

python -m tests [options]
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from tests.beside import COLLECT, ENGINE, Beside

WORKERS: Final = 4
"""On two cores: half of what the engine's tests do is waiting for a build, a registry or a package index."""
LINT: Final = ("make", "--no-print-directory", "lint")
PYTHONS: Final = (sys.executable, "scripts/bundle/interpreters.py")
PYTEST: Final = (
    *(sys.executable, "-m", "pytest", f"--numprocesses={WORKERS}", "--dist=loadscope", "--no-loadscope-reorder"),
    "--start-engine",
)


def main(
    options: Sequence[str],
    run: Callable[[Sequence[str]], int] = subprocess.call,
    beside: Callable[[Sequence[str]], Beside] = Beside,
) -> int:
    print("the engine starts meanwhile; tests that build wait for it", flush=True)
    with beside(ENGINE):
        with beside(COLLECT) as collected:
            for command in (LINT, PYTHONS):
                if failed := run(command):
                    return failed
            # pytest would say that a test cannot be imported only when all others have run
            if (printed := collected.wait()) is not None:
                print(printed)
                return 1
        # It asks for the engine itself, and that waits for this one.
        return run((*PYTEST, *options))


if __name__ == "__main__":
    os.environ.pop("MAKEFLAGS", None)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
