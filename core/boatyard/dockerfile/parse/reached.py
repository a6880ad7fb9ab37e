"""Finds the files of the context that a build can read: those that COPY, ADD and bind mounts name."""

import posixpath
from collections.abc import Collection, Iterator, Mapping

from boatyard.dockerfile.parse.graph import Graph, graph
from boatyard.dockerfile.parse.instruction import Instruction
from boatyard.dockerfile.parse.logical import heredoc
from boatyard.dockerfile.parse.pairs import arguments
from boatyard.dockerfile.parse.stages import SCRATCH, Dockerfile
from boatyard.dockerfile.parse.variables import Variables, apply, filled
from boatyard.dockerfile.parse.words import Unknown

_REMOTE = ("http://", "https://", "git://", "ssh://", "git@")


def reached(
    dockerfile: Dockerfile, target: str, build_args: Mapping[str, str], platforms: Collection[str] = ("linux/amd64",)
) -> tuple[str, ...] | None:
    """The paths and patterns in the context that the target's stages copy or mount, sorted.

    They are relative and clean; `.` is the whole context. Patterns are those of COPY (`*`, `?`, `[a-z]`, `\\` before
    a literal character). None if a name depends on a variable that a base image may set, which is unknown before the
    build. The result does not contain what a base image's ONBUILD copies. Raises INVALID_DOCKERFILE like `graph`.
    """
    found: set[str] = set()
    try:
        for platform in platforms:
            seen = graph(dockerfile, build_args, platform=platform, target=target)
            found.update(path for _, path in context_sources(seen, build_args))
    except Unknown:
        return None
    return (".",) if "." in found else tuple(sorted(found))


def context_sources(seen: Graph, build_args: Mapping[str, str]) -> Iterator[tuple[Instruction, str]]:
    """Each instruction that reads the context, with a path or pattern. Raises Unknown if one is unknown."""
    escape = seen.dockerfile.escape
    environments: dict[int, Variables] = {}
    for index in range(len(seen.dockerfile.stages)):
        stage = seen.dockerfile.stages[index]
        base = seen.bases[index]
        if base is not None and base in environments:
            environment = Variables(below=environments[base])
        else:
            environment = Variables(complete=stage.base == SCRATCH)
        environments[index] = environment
        for instruction in stage.body:
            apply(instruction, environment, seen.arguments, build_args, escape)
            if index not in seen.needed:
                continue
            for word in _context_words(instruction):
                if not word.startswith(_REMOTE):
                    source = filled(word, environment, instruction.line, escape)
                    if not source.startswith(_REMOTE):
                        yield instruction, _clean(source)


def _context_words(instruction: Instruction) -> Iterator[str]:
    match instruction.keyword:
        case "ADD" | "COPY" if instruction.flag("from") is None:
            words = arguments(instruction)[:-1]
            if instruction.json is None:
                words = [word for word in words if heredoc(word, instruction.line) is None]
            yield from words
        case "RUN":
            for _, mount in instruction.mounts():
                kind = mount.get("type")
                if (kind is None or kind.lower() == "bind" or "$" in kind) and not mount.get("from"):
                    yield mount.get("source") or "/"
        case _:
            pass


def _clean(path: str) -> str:
    return posixpath.normpath("/" + path).lstrip("/") or "."
