"""A Dockerfile for one platform and target: which stages it needs, and from which images they come."""

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from boatyard.dockerfile.parse.instruction import Instruction
from boatyard.dockerfile.parse.refusal import unreadable
from boatyard.dockerfile.parse.stages import SCRATCH, Dockerfile, Stage
from boatyard.dockerfile.parse.variables import Variables, filled, global_arguments
from boatyard.dockerfile.parse.words import Unknown

_INDEX: Final = re.compile(r"[+-]?\d{1,9}\Z")


class ImageUse(msgspec.Struct, frozen=True):
    """An image that a stage is made from or takes files from."""

    image: str
    """As BuildKit sees it, variables filled in."""
    line: int
    written: str
    """As it is written."""
    where: Literal["FROM", "COPY", "RUN"]


class Graph(msgspec.Struct, frozen=True):
    dockerfile: Dockerfile
    arguments: Variables
    """What FROM sees."""
    bases: tuple[int | None, ...]
    """Of each stage: the stage it stands on; None for an image, and for scratch."""
    needed: tuple[int, ...]
    """Stages that the target is made of, itself last; BuildKit builds no others."""
    images: tuple[ImageUse, ...]
    """Those of the needed stages, in the file's order."""
    unknown: tuple[ImageUse, ...]
    """Those whose name depends on the machine that builds; `image` is empty."""


def graph(dockerfile: Dockerfile, build_args: Mapping[str, str], *, platform: str, target: str = "") -> Graph:
    """Raises INVALID_DOCKERFILE for a name that comes to nothing, INVALID_SPEC for a target that is not there."""
    arguments = global_arguments(dockerfile, build_args, platform=platform, target=target)
    names: dict[str, int] = {}
    bases: list[int | None] = []
    own: list[ImageUse | None] = []
    for stage in dockerfile.stages:
        use = _base(stage, arguments, dockerfile.escape)
        base = names.get(use.image) if use.image else None
        bases.append(base)
        own.append(None if base is not None or use.image == SCRATCH else use)
        if stage.name:
            names[stage.name] = stage.index
    inherited = frozenset(bases)
    sources = [_sources(stage, names, len(bases), later=stage.index in inherited) for stage in dockerfile.stages]
    needed = _needed(_target(dockerfile, target, names), bases, sources)
    uses: list[ImageUse] = []
    for index in sorted(needed):
        if found := own[index]:
            uses.append(found)
        uses += [source for source in sources[index] if isinstance(source, ImageUse)]
    return Graph(
        dockerfile,
        arguments,
        tuple(bases),
        tuple(needed),
        tuple(use for use in uses if use.image),
        tuple(use for use in uses if not use.image),
    )


def _base(stage: Stage, arguments: Variables, escape: str) -> ImageUse:
    try:
        image = filled(stage.base, arguments, stage.line, escape)
    except Unknown:
        return ImageUse("", stage.line, stage.base, "FROM")
    if not image:
        raise unreadable(
            stage.line,
            f"base name ({stage.base}) should not be blank; an ARG before the first FROM, or --build-arg, sets it",
        )
    return ImageUse(image, stage.line, stage.base, "FROM")


def _sources(stage: Stage, names: Mapping[str, int], stages: int, *, later: bool) -> list[int | ImageUse]:
    """The stages and images that instructions of a stage take files from. `later`: those behind ONBUILD as well, since
    another stage stands on this one. BuildKit follows `from` there from Dockerfile 1.11 on, and refuses it before."""
    found: list[int | ImageUse] = []
    for written in stage.body:
        instruction = (written.inner if later else None) or written
        if instruction.keyword == "COPY" and (source := instruction.flag("from")):
            found += _source(source, instruction, "COPY", names, stages)
        elif instruction.keyword == "RUN":
            for _, mount in instruction.mounts():
                if source := mount.get("from"):
                    found += _source(source, instruction, "RUN", names, stages)
    return found


def _source(
    source: str, instruction: Instruction, where: Literal["COPY", "RUN"], names: Mapping[str, int], stages: int
) -> list[int | ImageUse]:
    if where == "COPY" and _INDEX.match(source):
        index = int(source)
        if not 0 <= index < stages:
            raise unreadable(instruction.line, f"--from={source}: there is no stage of that number")
        return [index]
    stage = names.get(source.lower())
    if stage is not None:
        return [stage]
    if source == SCRATCH or "$" in source:  # BuildKit fills in no variables here, and says so
        return []
    return [ImageUse(source, instruction.line, source, where)]


def _target(dockerfile: Dockerfile, target: str, names: Mapping[str, int]) -> int:
    if not target:
        return len(dockerfile.stages) - 1
    found = names.get(target.lower())
    if found is None:
        known = ", ".join(name for name in names)
        from boatyard.errors import invalid

        raise invalid(
            f"the Dockerfile has no stage {target!r}; "
            + (f"it has {known}" if known else "none of its stages has a name"),
            field="spec.targetStage",
        )
    return found


def _needed(target: int, bases: list[int | None], sources: list[list[int | ImageUse]]) -> list[int]:
    needed: dict[int, None] = {}
    open_ = [target]
    while open_:
        index = open_.pop()
        if index in needed:
            continue
        needed[index] = None
        base = bases[index]
        open_ += [
            *(source for source in sources[index] if isinstance(source, int)),
            *([base] if base is not None else []),
        ]
    return sorted(needed, key=lambda index: (index == target, index))
