"""A server's runner that is really killed (SIGKILL) at one point of its work.

    python -m tests.local.crash STATE MODULE FUNCTION NTH before|after

requests one build and dies at the nth call of the function, before or after its work.
"""

import importlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.local import jobs


def die_at(module: str, function: str, nth: int, when: str) -> None:
    owner: Any = importlib.import_module(module)
    *outer, name = function.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original = getattr(owner, name)
    calls = 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)


if __name__ == "__main__":
    state, module, function, nth, when = sys.argv[1:]
    runner = jobs.runner(Path(state))
    die_at(module, function, int(nth), when)
    runner.ensure(jobs.job(seconds=0.2), jobs.tag(), force=False)
    time.sleep(20)
