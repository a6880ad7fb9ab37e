"""`python -m boatyard_buildkit` with an empty cache: nothing of earlier builds is used again."""

import sys
from typing import Any

from boatyard_buildkit import build
from boatyard_buildkit.child import run_child
from boatyard_buildkit.cli import main


def run_without_cache(command: list[str], **options: Any) -> int:
    start = command.index("build") + 1
    return run_child([*command[:start], "--no-cache", *command[start:]], **options)


if __name__ == "__main__":
    build.run_child = run_without_cache
    sys.exit(main(sys.argv[1:]))
