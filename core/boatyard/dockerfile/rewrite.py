"""Adds what the deployment needs to a user's Dockerfile.

Only flags of RUN, names of images and the syntax directive change, and in place, so that a line keeps its number. Added
lines are counted, so that errors still name the user's lines.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from boatyard.dockerfile.parse.encoding import respec
from boatyard.dockerfile.parse.frontend import Frontend
from boatyard.dockerfile.parse.frontend import frontend as directive_of
from boatyard.dockerfile.parse.instruction import Flag, Instruction
from boatyard.dockerfile.parse.logical import LONGEST_LINE
from boatyard.dockerfile.parse.refusal import unreadable
from boatyard.dockerfile.parse.stages import Dockerfile
from boatyard.dockerfile.run import RunMounts, users_environment, users_flags
from boatyard.dockerfile.users import UsersDockerfile
from boatyard.mounts import absent_secret_id, secret_id


class Rewritten(msgspec.Struct, frozen=True):
    text: str
    encoding: str
    inserted: tuple[int, ...]
    """Numbers of the added lines."""


class _Edit(msgspec.Struct, frozen=True, order=True):
    start: int
    end: int
    text: str


def rewrite(
    given: UsersDockerfile,
    site: RunMounts,
    *,
    images: Mapping[str, str],
    frontend: str | None,
    secrets: Collection[str],
) -> Rewritten:
    """The Dockerfile to build.

    `images` maps references, as BuildKit sees them, to their replacements. `frontend` replaces the syntax directive's;
    empty means BuildKit's own, None keeps it. `secrets` are those that the job has. Raises INVALID_DOCKERFILE for a
    line that becomes longer than BuildKit reads.
    """
    edits: list[_Edit] = []
    inserted: list[int] = []
    if given.frontend and frontend is not None:
        # A build argument that names a frontend takes precedence over the directive, which would apply without it.
        asked = given.frontend if given.frontend.line else None if frontend else directive_of(given.source)
        if asked:
            edits += _syntax(given.source, asked, frontend)
    if given.parsed:
        edits += _images(given, images)
        edits += _runs(given, given.parsed, site, secrets)
        for edit, line in _environments(given, site):
            edits.append(edit)
            inserted.append(line + len(inserted) + 1)
    text = _applied(given.source, edits)
    _check_lines(text, inserted)
    return Rewritten(*respec(text), tuple(inserted))


def _runs(given: UsersDockerfile, parsed: Dockerfile, site: RunMounts, secrets: Collection[str]) -> Iterator[_Edit]:
    flags = "".join(f" {flag}" for flag in users_flags(site))
    for stage in parsed.stages:
        for instruction in stage.body:
            if flags and instruction.keyword == "RUN":
                at = _end(instruction, instruction.behind_keyword)
                yield _Edit(at, at, flags)
    for secret in given.secrets:
        made = secret_id if secret.name in secrets else absent_secret_id
        mount = secret.under(made(site.secret_prefix, secret.name))
        yield _flag(given.source, secret.instruction, secret.flag, f"--mount={mount}", parsed.escape)


def _images(given: UsersDockerfile, images: Mapping[str, str]) -> Iterator[_Edit]:
    """Replaces references in the text itself, where a stage has the image's name."""
    if not images or given.parsed is None:
        return
    needed = given.needed_stages()
    written = {(use.line, use.where, use.written): images[use.image] for use in given.images if use.image in images}
    for stage in given.parsed.stages:
        if stage.index not in needed:
            continue
        if reference := written.get((stage.line, "FROM", stage.base)):
            begin = stage.start.logical.index(stage.base, _arguments_at(stage.start))
            start, end = stage.start.offset(begin), _end(stage.start, begin + len(stage.base))
            yield _Edit(start, end, reference + _lines(given.source[start:end], given.parsed.escape))
        for instruction in stage.body:
            for flag in instruction.flags:
                if flag.name == "from" and (new := written.get((instruction.line, "COPY", flag.value or ""))):
                    yield _flag(given.source, instruction, flag, f"--from={new}", given.parsed.escape)
            for flag, mount in instruction.mounts():
                source = mount.get("from")
                if source and (new := written.get((instruction.line, "RUN", source))):
                    kept = mount.without("from")
                    value = type(mount)((*kept.fields, ("from", new)))
                    yield _flag(given.source, instruction, flag, f"--mount={value}", given.parsed.escape)


def _environments(given: UsersDockerfile, site: RunMounts) -> Iterator[tuple[_Edit, int]]:
    """An ARG after each FROM of an image with RUN steps, and the line that it follows."""
    variables = users_environment(site)
    if not variables or given.parsed is None or not given.graphs:
        return
    stages = given.parsed.stages
    roots: set[int] = set()
    for seen in given.graphs:
        root_of: list[int] = []
        for stage in stages:
            base = seen.bases[stage.index]
            root_of.append(stage.index if base is None else root_of[base])
            if any(instruction.keyword == "RUN" for instruction in stage.body):
                roots.add(root_of[-1])
    text = "ARG " + " ".join(f"{name}={value}" for name, value in variables.items()) + "\n"
    for index in sorted(roots):
        line = stages[index].start.last_line
        at = _line_offset(given.source, line + 1)
        yield _Edit(at, at, text), line


def _syntax(source: str, asked: Frontend, frontend: str) -> list[_Edit]:
    """Replaces the directive's image; for BuildKit's own frontend, removes the directive.

    An empty line would end the directives below it, so they move up by a line.
    """
    lines = source.split("\n")
    at = asked.line - 1
    start = _line_offset(source, asked.line)
    if frontend or not lines[at].lstrip().startswith("#"):
        begin = source.index(asked.image, start)
        frontend = frontend or asked.image
        return [_Edit(begin, begin + len(asked.image), frontend)]
    last = at
    while last + 1 < len(lines) and _is_directive(lines[last + 1]):
        last += 1
    end = start + sum(len(line) + 1 for line in lines[at : last + 1])
    moved = "".join(line + "\n" for line in lines[at + 1 : last + 1])
    return [_Edit(start, min(end, len(source)), moved + "#" + ("\n" if end <= len(source) else ""))]


def _is_directive(line: str) -> bool:
    from boatyard.dockerfile.parse.directives import directives

    return bool(directives([line]))


def _flag(source: str, instruction: Instruction, flag: Flag, text: str, escape: str) -> _Edit:
    start, end = instruction.offset(flag.start), _end(instruction, flag.end)
    quoted = "".join(escape + c if c in f" \t\v\f\r\"'{escape}" else c for c in text)
    return _Edit(start, end, quoted + _lines(source[start:end], escape))


def _lines(replaced: str, escape: str) -> str:
    """As many continued lines as the replaced text had, so that the lines below keep their numbers."""
    count = replaced.count("\n")
    return " " + f"{escape}\n" * count if count else ""


def _end(instruction: Instruction, at: int) -> int:
    """The offset in the file after the character before `at`."""
    return instruction.offset(at - 1) + 1


def _arguments_at(instruction: Instruction) -> int:
    return instruction.flags[-1].end if instruction.flags else instruction.behind_keyword


def _line_offset(source: str, line: int) -> int:
    """The offset of a line; the end of the file for the line after its last."""
    return min(sum(len(text) + 1 for text in source.split("\n", line - 1)[: line - 1]), len(source))


def _applied(source: str, edits: list[_Edit]) -> str:
    out: list[str] = []
    at = 0
    for edit in sorted(edits):
        out += (source[at : edit.start], edit.text)
        at = edit.end
    return "".join([*out, source[at:]])


def _check_lines(text: str, inserted: list[int]) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE // 4 and len(line.encode("utf-8", "surrogateescape")) >= LONGEST_LINE:
            number -= sum(1 for added in inserted if added < number)
            raise unreadable(
                number, f"with its mounts it is longer than the {LONGEST_LINE:,} bytes that BuildKit reads"
            )
