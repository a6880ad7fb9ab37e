"""Parses a whole Dockerfile: the arguments before the first FROM, and the stages."""

import re
from typing import Final

import msgspec

from boatyard.dockerfile.parse.instruction import Instruction
from boatyard.dockerfile.parse.logical import instructions
from boatyard.dockerfile.parse.pairs import arguments
from boatyard.dockerfile.parse.refusal import unreadable

SCRATCH: Final = "scratch"
MOST_STAGES: Final = 500
_STAGE_NAME: Final = re.compile(r"[a-z][a-z0-9-_.]*\Z")


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    name: str
    """Its name in lower case; empty without `AS`."""
    base: str
    """The word after FROM as written, with its variables."""
    platform: str
    """The value of `--platform` as written; may be empty."""
    start: Instruction
    body: tuple[Instruction, ...]

    @property
    def line(self) -> int:
        return self.start.line


class Dockerfile(msgspec.Struct, frozen=True, kw_only=True):
    escape: str
    arguments: tuple[Instruction, ...]
    """ARG before the first FROM, which only apply to FROM."""
    stages: tuple[Stage, ...]


def parse(text: str) -> Dockerfile:
    """Raises INVALID_DOCKERFILE with the line if no frontend of Docker's accepts the text."""
    escape, found = instructions(text)
    if not found:
        raise unreadable(0, "file with no instructions")
    first: list[Instruction] = []
    stages: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in found:
        if instruction.keyword == "FROM":
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif instruction.keyword == "ARG":
            first.append(instruction)
        else:
            raise unreadable(instruction.line, f"{_shown(instruction.keyword)} before the first FROM")
    if len(stages) > MOST_STAGES:
        raise unreadable(stages[MOST_STAGES][0].line, f"is stage {MOST_STAGES + 1}; at most {MOST_STAGES} are read")
    if not stages:
        raise unreadable(0, "no FROM: there is no build stage")
    return Dockerfile(
        escape=escape,
        arguments=tuple(first),
        stages=tuple(_stage(index, start, body) for index, (start, body) in enumerate(stages)),
    )


def _stage(index: int, start: Instruction, body: list[Instruction]) -> Stage:
    words = arguments(start)
    name = ""
    if len(words) == 3 and words[1].lower() == "as":
        name = words[2].lower()
        if not _STAGE_NAME.match(name):
            reason = f"invalid name for build stage: {words[2]!r}; it begins with a letter, and holds a-z 0-9 - _ ."
            raise unreadable(start.line, reason)
    elif len(words) != 1:
        raise unreadable(start.line, "FROM requires either one or three arguments")
    return Stage(
        index=index,
        name=name,
        base=words[0],
        platform=start.flag("platform") or "",
        start=start,
        body=tuple(body),
    )


def _shown(keyword: str) -> str:
    return keyword if len(keyword) <= 40 else keyword[:40] + "…"
