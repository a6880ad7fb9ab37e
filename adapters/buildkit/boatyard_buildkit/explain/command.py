"""A step that ended with an exit code, when nothing more is known than that."""

import re
from typing import Final

from boatyard_buildkit.explain.verdict import Verdict, sentence

_EXIT: Final = re.compile(r"did not complete successfully: (?:exit code: (\d+)|(.*))")
_KILLED: Final = 137
"""128 + SIGKILL: the kernel's way to end what needs too much memory."""
_NOT_FOUND: Final = re.compile(r"(?:^|: )(?:line )?\d*:? ?([^\s:]+): (?:command )?not found$")
_NO_PROGRAM: Final = re.compile(r"unable to start container process: exec: \"([^\"]+)\": ")
_NO_SPACE: Final = re.compile(r"No space left on device|Errno 28\]|os error 28\)|Disk quota exceeded")
_LAST: Final = 12
_SHOWN: Final = 100


def exit_code(error: str) -> int | None:
    """The exit code in BuildKit's error of a RUN; None if it is no such error."""
    found = _EXIT.search(error)
    if not found:
        return None
    if found[1]:
        return int(found[1])
    return _KILLED if "memory" in found[2] or "killed" in found[2] else 1


def read(output: tuple[str, ...], code: int, script: str) -> Verdict:
    what = shown(script)
    if found := common(output, code, f"the command {what}"):
        return found
    missing = next((m for line in reversed(output[-_LAST:]) if (m := _NOT_FOUND.search(line))), None)
    if program := next((m for line in output[-_LAST:] if (m := _NO_PROGRAM.search(line))), None):
        return Verdict(
            "COMMAND_FAILED",
            f"the command {what} cannot be started: the image has no {program[1]} that runs",
            "Use a base image that has a shell.",
        )
    if code == 127 and missing:
        return Verdict(
            "COMMAND_FAILED",
            f"the command {what} needs {missing[1]}, which is not in the image (exit code {code})",
            f"Install {missing[1]} in an earlier layer, for example with with_apt_packages.",
        )
    return Verdict("COMMAND_FAILED", f"the command {what} ended with exit code {code}")


def common(output: tuple[str, ...], code: int, what: str) -> Verdict | None:
    """What is true of every step: no memory, no disk."""
    if code == _KILLED:
        return Verdict(
            "OUT_OF_MEMORY", f"{what} was killed (exit code {code}), which the kernel does when memory runs out"
        )
    if any(_NO_SPACE.search(line) for line in output[-_LAST:]):
        return Verdict("DISK_FULL", f"{what} found no space left on the disk")
    return None


def shown(script: str) -> str:
    """A script as a name for itself: its one line, or the first of several."""
    lines = [line for line in script.splitlines() if line.strip()]
    text = sentence(lines[0]) if lines else ""
    if len(text) > _SHOWN or len(lines) > 1:
        text = text[:_SHOWN].rstrip() + " …"
    return f"`{text}`"
