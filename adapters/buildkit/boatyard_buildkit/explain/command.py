"""Explains a step that ended with an exit code, if nothing else is known."""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain.verdict import Verdict, sentence

_EXIT: Final = re.compile(r"(?:exit code: (\d+)|(?!exit code)(.*))\Z", re.DOTALL)
_ENDED: Final = '" did not complete successfully: '
KILLED: Final = 137
"""128 + SIGKILL: how the kernel ends a process that needs too much memory."""
_NOT_FOUND: Final = re.compile(r"(?:^|: )(?:line )?\d*:? ?([^\s:]+): (?:command )?not found$")
_NO_PROGRAM: Final = re.compile(r"unable to start container process: exec: \"([^\"]+)\": ")
_NOT_ITS_FORMAT: Final = re.compile(r"exec \S.*: exec format error")
_NO_SPACE: Final = re.compile(r"No space left on device|Errno 28\]|os error 28\)|Disk quota exceeded")
_LAST: Final = 12
_SHOWN: Final = 100


def exit_code(error: str) -> int | None:
    """The exit code in BuildKit's error of a RUN; None if it is no such error.

    The error quotes the command, which may contain any text; BuildKit's own message comes last.
    """
    quoted, ended, said = error.rpartition(_ENDED)
    if not ended or not quoted.removeprefix("failed to solve: ").startswith('process "'):
        return None
    found = _EXIT.match(said)
    if found and found[1]:
        return int(found[1])
    return KILLED if "memory" in said or "killed" in said else 1


def read(output: tuple[str, ...], code: int, script: str) -> Verdict:
    what = shown(script)
    if code == KILLED:
        return Verdict(
            Code.OUT_OF_MEMORY,
            f"the command {what} was killed (exit code {code}), which the kernel does when memory runs out",
        )
    missing = next((m for line in reversed(output[-_LAST:]) if (m := _NOT_FOUND.search(line))), None)
    if program := next((m for line in output[-_LAST:] if (m := _NO_PROGRAM.search(line))), None):
        return Verdict(
            Code.COMMAND_FAILED,
            f"the command {what} cannot be started: the image has no {program[1]} that runs",
            "Use a base image that has a shell.",
        )
    if code == 127 and missing:
        return Verdict(
            Code.COMMAND_FAILED,
            f"the command {what} needs {missing[1]}, which is not in the image (exit code {code})",
            f"Install {missing[1]} in an earlier layer, for example with with_apt_packages.",
        )
    advice = ""
    if len(output) == 1 and _NOT_ITS_FORMAT.fullmatch(output[0]):
        # runc's last words before the program would begin. The program itself could print them, too.
        advice = (
            "If its only line is the builder's, the kernel cannot start the program: it is for another architecture, "
            "which the builder does not emulate (binfmt with qemu), or a script without #! and an interpreter."
        )
    elif any(is_full(line) for line in output[-_LAST:]):
        advice = "Read its last lines; if they report that the builder's disk is full, free space there."
    return Verdict(Code.COMMAND_FAILED, f"the command {what} ended with exit code {code}", advice)


def is_full(line: str) -> bool:
    """Whether a line reports a full disk. It only decides a code if a known tool wrote the line."""
    return _NO_SPACE.search(line) is not None


def full(tool: str) -> Verdict:
    return Verdict(Code.DISK_FULL, f"{tool} found no space left on the disk")


def shown(script: str) -> str:
    """A short name of a script: its only line, or the first of several."""
    lines = [line for line in script.splitlines() if line.strip()]
    text = sentence(lines[0]) if lines else ""
    if len(text) > _SHOWN or len(lines) > 1:
        text = text[:_SHOWN].rstrip() + " …"
    return f"`{text}`"
