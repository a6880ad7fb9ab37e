"""Finds the stages and images that a Dockerfile needs for one platform and target."""

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
    """An image that a stage starts from or copies files from."""

    image: str
    """The reference with variables expanded, as BuildKit sees it."""
    line: int
    written: str
    """The reference as written."""
    where: Literal["FROM", "COPY", "RUN"]


class Graph(msgspec.Struct, frozen=True):
    dockerfile: Dockerfile
    arguments: Variables
    """What FROM sees."""
    bases: tuple[int | None, ...]
    """For each stage, the stage that it starts from; None for an image and for scratch."""
    needed: tuple[int, ...]
    """The stages that the target needs, itself last; BuildKit builds no others."""
    images: tuple[ImageUse, ...]
    """The images of the needed stages, in the file's order."""
    unknown: tuple[ImageUse, ...]
    """Images whose name depends on the building machine; their `image` is empty."""


def graph(dockerfile: Dockerfile, build_args: Mapping[str, str], *, platform: str, target: str = "") -> Graph:
    """Raises INVALID_DOCKERFILE for a name that is empty after expansion, INVALID_SPEC for an unknown target."""
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
    """The stages and images that a stage's instructions copy files from. `later`: also those after ONBUILD, because
    another stage starts from this one. BuildKit supports `from` there since Dockerfile 1.11, and refused it before."""
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
    if source == SCRATCH or "$" in source:  # BuildKit expands no variables here, and reports that
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
